// Ticking rows of a list: what is ticked survives searching and paging, and the button says how many there are.
// The form holds every ticked id in its field `ticked`; `data-ticks` has the button's words for one and for many.
// A form with `data-ticks-away` is there only while there is something to tick.
(() => {
  "use strict";
  const formOf = (box) => box.form?.matches("[data-ticks]") && box.type === "checkbox" ? box.form : null;
  const ticked = (form) => new Set(form.elements.ticked.value.split(" ").filter(Boolean));
  const boxes = (form) => [...form.elements].filter((each) => each.type === "checkbox");

  function tell(form, ids) {
    form.elements.ticked.value = [...ids].join(" ");
    const [one, many] = form.dataset.ticks.split("|");
    const button = form.querySelector("button:not([data-back])");
    button.disabled = ids.size === 0;
    button.textContent = (ids.size === 1 ? one : many).replace("#", ids.size ? ids.size.toLocaleString("en") : "").replace("  ", " ");
    const shown = boxes(form);
    if (form.hasAttribute("data-ticks-away")) form.hidden = shown.length + ids.size === 0;
    const all = document.querySelector(`[data-tick-all="${form.id}"]`);
    if (!all) return;
    const on = shown.filter((box) => box.checked).length;
    all.hidden = shown.length === 0;
    all.checked = on > 0 && on === shown.length;
    all.indeterminate = on > 0 && on < shown.length;
  }

  function restore() {
    for (const form of document.querySelectorAll("form[data-ticks]")) {
      const ids = ticked(form);
      for (const box of boxes(form)) box.checked = ids.has(box.value);
      tell(form, ids);
    }
  }

  document.addEventListener("change", ({ target }) => {
    const all = target.dataset.tickAll;
    const form = all ? document.getElementById(all) : formOf(target);
    if (!form) return;
    const ids = ticked(form);
    for (const box of all ? boxes(form) : [target]) {
      box.checked = target.checked;
      if (target.checked) ids.add(box.value);
      else ids.delete(box.value);
    }
    tell(form, ids);
  });
  document.addEventListener("htmx:after:swap", restore);
  // Once what was ticked is dealt with, nothing is.
  document.addEventListener("rollcall:done", () => {
    for (const form of document.querySelectorAll("form[data-ticks]")) form.elements.ticked.value = "";
    restore();
  });
  addEventListener("pageshow", restore);
})();

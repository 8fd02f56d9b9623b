// Ticking rows of a list: ticks are kept while the user searches and pages, and the button shows how many there are.
// The form's field `ticked` has every ticked id; `data-ticks` has the button's text for one and for many.
// A form with `data-ticks-away` is hidden while there is nothing to tick.
(() => {
  "use strict";
  const formOf = (box) => box.form?.matches("[data-ticks]") && box.type === "checkbox" ? box.form : null;
  const ticked = (form) => new Set(form.elements.ticked.value.split(" ").filter(Boolean));
  const boxes = (form) => [...form.elements].filter((each) => each.type === "checkbox");

  function update(form, ids) {
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
      update(form, ids);
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
    update(form, ids);
  });
  document.addEventListener("htmx:after:swap", restore);
  // After the ticked rows were added or removed, none is ticked.
  document.addEventListener("rollcall:done", () => {
    for (const form of document.querySelectorAll("form[data-ticks]")) form.elements.ticked.value = "";
    restore();
  });
  addEventListener("pageshow", restore);
})();

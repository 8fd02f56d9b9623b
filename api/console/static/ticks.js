// Ticking rows of a list: ticks are kept while the user searches and pages, and the buttons show how many there are.
// The form's field `ticked` has every ticked id. A button's `data-label` has its text for one, for many, and for all of an
// unknown number. Once all rows of a page are ticked, an offer selects all that match, on every page: the form's field
// `all`. A form with `data-ticks-away` is hidden while there is nothing to tick.
(() => {
  "use strict";
  const formOf = (box) => box.form?.matches("[data-ticks]") && box.type === "checkbox" ? box.form : null;
  const ticked = (form) => new Set(form.elements.ticked.value.split(" ").filter(Boolean));
  const boxes = (form) => [...form.elements].filter((each) => each.type === "checkbox");
  const offerOf = (form) => document.querySelector(`[data-offer="${form.id}"]`);
  const hiddenAll = (form) => form.querySelector("input[name=all]");

  function labelOf(button, count, all, total) {
    const [one, many, unknown] = button.dataset.label.split("|");
    if (all && !total) return unknown;
    const shown = all ? Number(total) : count;
    return (shown === 1 ? one : many).replace("#", shown ? shown.toLocaleString(document.documentElement.lang) : "").replace("  ", " ");
  }

  function update(form, ids) {
    form.elements.ticked.value = [...ids].join(" ");
    const offer = offerOf(form);
    const all = hiddenAll(form).value === "1";
    for (const button of form.querySelectorAll("button:not([data-back])")) {
      button.disabled = ids.size === 0;
      if (button.dataset.label) button.textContent = labelOf(button, ids.size, all, offer?.dataset.total);
    }
    const shown = boxes(form);
    if (form.hasAttribute("data-ticks-away")) form.hidden = shown.length + ids.size === 0;
    const head = document.querySelector(`[data-tick-all="${form.id}"]`);
    if (!head) return;
    const on = shown.filter((box) => box.checked).length;
    head.hidden = shown.length === 0;
    head.checked = on > 0 && on === shown.length;
    head.indeterminate = on > 0 && on < shown.length;
    if (!offer) return;
    offer.hidden = !head.checked;
    for (const part of offer.querySelectorAll("[data-offer-page], [data-select-all]")) part.hidden = all;
    for (const part of offer.querySelectorAll("[data-offer-all], [data-select-none]")) part.hidden = !all;
  }

  function restore() {
    for (const form of document.querySelectorAll("form[data-ticks]")) {
      const ids = ticked(form);
      const all = hiddenAll(form).value === "1";
      for (const box of boxes(form)) {
        box.checked = all || ids.has(box.value);
        if (all) ids.add(box.value);
      }
      update(form, ids);
    }
  }

  function clear(form) {
    form.elements.ticked.value = "";
    hiddenAll(form).value = "";
  }

  document.addEventListener("change", ({ target }) => {
    const head = target.dataset.tickAll;
    const form = head ? document.getElementById(head) : formOf(target);
    if (!form) return;
    hiddenAll(form).value = "";
    const ids = ticked(form);
    for (const box of head ? boxes(form) : [target]) {
      box.checked = target.checked;
      if (target.checked) ids.add(box.value);
      else ids.delete(box.value);
    }
    update(form, ids);
  });
  document.addEventListener("click", ({ target }) => {
    const offer = target.closest?.("[data-select-all], [data-select-none]")?.closest("[data-offer]");
    if (!offer) return;
    const form = document.getElementById(offer.dataset.offer);
    if (target.closest("[data-select-all]")) hiddenAll(form).value = "1";
    else clear(form);
    restore();
    offer.querySelector("button:not([hidden])")?.focus();
  });
  // Another search is about others: what was selected as a whole no longer is.
  document.addEventListener("htmx:before:request", ({ detail }) => {
    if (!detail.ctx.sourceElement?.matches?.("[data-live-form]")) return;
    for (const form of document.querySelectorAll("form[data-ticks]")) if (hiddenAll(form).value) clear(form);
  });
  document.addEventListener("htmx:after:swap", restore);
  // After something was done to the ticked rows, none is ticked.
  document.addEventListener("rollcall:done", ({ detail }) => {
    if (detail.keeps_ticks) return;
    for (const form of document.querySelectorAll("form[data-ticks]")) clear(form);
    restore();
  });
  addEventListener("pageshow", restore);
})();

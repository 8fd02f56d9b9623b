// Pickers: an input with role=combobox whose list is loaded while the user types (the ARIA pattern "editable combobox with
// list autocomplete"). Its data-picker is the address of the options. An option is put into the input, or with
// data-picks="<id>" into that hidden field, and then the input announces `rollcall:picked`.
(() => {
  "use strict";
  const WAIT = 120; // milliseconds after a key
  const list = document.createElement("div");
  Object.assign(list, { id: "picker-list", className: "picker-list", popover: "manual" });
  list.setAttribute("role", "listbox");
  let input = null; // the picker whose list is open
  let loading = null;
  let timer = 0;
  let kept = ""; // what a picker of one thing shows when nothing was chosen

  const options = () => [...list.querySelectorAll("[role=option]")];
  const active = () => list.querySelector("[aria-selected=true]");
  const hidden = (picker) => picker.dataset.picks && document.getElementById(picker.dataset.picks);

  function place() {
    const box = input.getBoundingClientRect();
    const below = innerHeight - box.bottom - 12;
    const above = box.top - 12;
    const up = below < 200 && above > below;
    list.style.width = `${Math.min(Math.max(box.width, 330), innerWidth - 16)}px`;
    list.style.maxHeight = `${Math.min(320, up ? above : below)}px`;
    list.style.left = `${Math.max(8, Math.min(box.left, innerWidth - list.offsetWidth - 8))}px`;
    list.style.top = up ? `${box.top - list.offsetHeight - 4}px` : `${box.bottom + 4}px`;
  }

  async function load(search) {
    loading?.abort();
    loading = new AbortController();
    const picker = input;
    if (!picker.dataset.picker) return close(); // the builder was shown anew, with another input in its place
    const address = new URL(picker.dataset.picker, location.href);
    address.searchParams.set("search", search);
    try {
      const answer = await fetch(address, { signal: loading.signal, headers: { "HX-Request": "true" } });
      if (!answer.ok || picker !== input) return;
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (picker !== input) return;
      if (!picker.dataset.picker) return close(); // or was shown anew while the options came
      list.replaceChildren(...parsed.body.childNodes);
    } catch {
      return; // a newer search, or no connection: the input still takes what is typed
    }
    options().forEach((option, index) => { option.id = `picker-option-${index}`; });
    list.setAttribute("aria-label", picker.getAttribute("aria-label") ?? picker.labels[0]?.textContent ?? "");
    open();
    if (!("free" in picker.dataset) && search) mark(options()[0]);
  }

  function open() {
    // Within a modal dialog only what is in it can be used.
    const holder = input.closest("dialog, main") ?? document.body;
    if (list.parentElement !== holder) holder.append(list);
    // Where anything may be typed, an empty list says nothing.
    const empty = "free" in input.dataset ? !options().length : !list.childElementCount;
    if (empty) {
      if (list.matches(":popover-open")) list.hidePopover();
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-controls");
      return;
    }
    if (!list.matches(":popover-open")) list.showPopover();
    input.setAttribute("aria-controls", list.id);
    input.setAttribute("aria-expanded", "true");
    place();
  }

  function close() {
    clearTimeout(timer);
    loading?.abort();
    if (list.matches(":popover-open")) list.hidePopover();
    list.replaceChildren();
    if (!input) return;
    // The builder may have been shown anew meanwhile, with an input that is no picker in this one's place.
    if (input.dataset.picker) input.setAttribute("aria-expanded", "false");
    else input.removeAttribute("aria-expanded");
    input.removeAttribute("aria-activedescendant");
    input.removeAttribute("aria-controls");
    input = null;
  }

  function mark(option) {
    active()?.setAttribute("aria-selected", "false");
    if (!option) {
      input.removeAttribute("aria-activedescendant");
      return;
    }
    option.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  function choose(option) {
    const picker = input;
    const field = hidden(picker);
    close();
    kept = picker.value = field && "clears" in picker.dataset ? "" : option.dataset.name;
    if (field) field.value = option.dataset.value;
    else picker.value = option.dataset.value;
    picker.dispatchEvent(new Event("input", { bubbles: true }));
    close(); // the input that we announced is no search
    picker.dispatchEvent(new Event("rollcall:picked", { bubbles: true }));
  }

  function begin(picker, search) {
    if (input !== picker) {
      close();
      input = picker;
      kept = picker.value;
    }
    clearTimeout(timer);
    timer = setTimeout(() => input === picker && load(search), search ? WAIT : 0);
  }

  document.addEventListener("input", (event) => {
    const picker = event.target.closest?.("[data-picker]");
    if (picker && event.isTrusted) begin(picker, picker.value);
  });
  document.addEventListener("click", (event) => {
    const picker = event.target.closest?.("[data-picker]");
    if (picker && input !== picker) {
      if (!("free" in picker.dataset)) picker.select();
      begin(picker, "free" in picker.dataset ? picker.value : "");
    }
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays in the input
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) choose(option);
  });
  document.addEventListener("focusout", (event) => {
    if (event.target !== input) return;
    const picker = input;
    close();
    // Of what has to be chosen, a text that was only typed is not left standing.
    if (!("free" in picker.dataset) && picker.isConnected && !("clears" in picker.dataset)) picker.value = kept;
  });
  document.addEventListener("htmx:after:swap", () => input && !(input.isConnected && input.dataset.picker) && close());
  addEventListener("resize", () => input && list.matches(":popover-open") && place());
  addEventListener("scroll", (event) => input && !list.contains(event.target) && list.matches(":popover-open") && place(), true);

  // Before every other listener: Enter and Escape belong to the open list.
  addEventListener("keydown", (event) => {
    const picker = event.target.closest?.("[data-picker]");
    if (!picker || event.isComposing) return;
    const isOpen = input === picker && list.matches(":popover-open");
    const all = options();
    const take = () => { event.preventDefault(); event.stopImmediatePropagation(); };
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp": {
        take();
        if (!isOpen) return begin(picker, "free" in picker.dataset ? picker.value : "");
        const step = event.key === "ArrowDown" ? 1 : -1;
        const at = all.indexOf(active());
        mark(all[at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length]);
        return;
      }
      case "Enter":
        // What was typed among the values of a list is added by the same Enter: see builder.js.
        if (!("free" in picker.dataset) || (isOpen && (active() || !picker.closest("[data-chips]")))) take();
        if (isOpen && active()) choose(active());
        else if (isOpen && "free" in picker.dataset) close(); // what was typed stays; another Enter submits it
        return;
      case "Escape":
        if (!isOpen) return;
        take();
        if (!("free" in picker.dataset)) picker.value = kept;
        close();
        return;
      case "Tab":
        if (isOpen && active() && !("free" in picker.dataset)) choose(active());
    }
  }, true);

  // What was typed before this script was there is searched for now.
  const early = document.activeElement;
  if (early?.matches("[data-picker]") && early.value !== early.defaultValue) begin(early, early.value);
})();

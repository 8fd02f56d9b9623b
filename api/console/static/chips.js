// Lists of short texts as chips: a textarea with `data-chips` (its label) has one text per line and is what is sent;
// chips are shown instead of it. Enter or a comma adds one, Backspace in the empty input removes the last. The textarea
// has what to say in its `data-says-…`.
(() => {
  "use strict";
  const lines = (area) => area.value.split("\n").map((each) => each.trim()).filter(Boolean);

  function chip(area, box, text) {
    const item = document.createElement("li");
    item.className = "tag";
    const remove = document.createElement("button");
    remove.type = "button";
    remove.ariaLabel = area.dataset.saysRemove.replace("{text}", () => text);
    remove.textContent = "×";
    remove.addEventListener("click", () => {
      write(area, box, lines(area).filter((each) => each !== text));
      box.querySelector("input").focus();
    });
    item.append(text, remove);
    return item;
  }

  function write(area, box, texts) {
    area.value = texts.join("\n");
    area.dispatchEvent(new Event("input", { bubbles: true }));
    box.querySelector("ul").replaceChildren(...texts.map((text) => chip(area, box, text)));
  }

  function add(area, box, input) {
    const texts = input.value.split(/[,\n]/).map((each) => each.trim()).filter(Boolean);
    input.value = "";
    if (texts.length) write(area, box, [...new Set([...lines(area), ...texts])]);
  }

  function enhance(area) {
    area.dataset.enhanced = "";
    const box = document.createElement("div");
    box.className = "chips";
    box.append(document.createElement("ul"));
    const input = document.createElement("input");
    input.autocomplete = "off";
    input.id = area.id; // so that its label and the links in error messages lead here
    area.removeAttribute("id");
    input.placeholder = area.dataset.saysType;
    for (const name of ["aria-describedby", "aria-invalid"]) {
      if (area.hasAttribute(name)) input.setAttribute(name, area.getAttribute(name));
    }
    box.append(input);
    const focused = area.autofocus;
    area.hidden = true;
    area.autofocus = false;
    area.after(box);
    input.addEventListener("keydown", (event) => {
      if ((event.key === "Enter" || event.key === ",") && !event.isComposing) {
        if (event.key === "Enter" && !input.value.trim()) return; // Enter in an empty input sends the form
        event.preventDefault();
        add(area, box, input);
      } else if (event.key === "Backspace" && !input.value) {
        write(area, box, lines(area).slice(0, -1));
      }
    });
    input.addEventListener("paste", () => setTimeout(() => input.value.includes(",") && add(area, box, input)));
    input.addEventListener("change", () => add(area, box, input)); // leaving the input adds what was typed
    box.querySelector("ul").replaceChildren(...lines(area).map((text) => chip(area, box, text)));
    if (focused) input.focus();
  }

  function enhanceAll() {
    for (const area of document.querySelectorAll("textarea[data-chips]:not([data-enhanced])")) enhance(area);
  }
  document.addEventListener("htmx:after:swap", enhanceAll);
  enhanceAll();
})();

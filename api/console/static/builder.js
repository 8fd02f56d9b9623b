// The filter builder: the focus after a row was added or removed, and the keyboard in lists of values.
(() => {
  "use strict";
  const builder = () => document.getElementById("builder");

  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx.target?.id !== "builder") return;
    builder()?.querySelector("[data-focus]")?.focus();
    htmx.trigger(document.body, "rollcall:filters");
  });

  // A menu closes when one of its buttons is pressed: what the answer shows in its place is another one.
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#builder .menu button")) event.target.closest(".menu").hidePopover();
  });

  // A known value that was picked for a list is added to it.
  document.addEventListener("rollcall:picked", ({ target }) => {
    if (target.matches("[data-chips] > [data-free]")) target.parentElement.querySelector(":scope > button:last-of-type").click();
  });

  // Enter and comma add what is typed to the values; Backspace in an empty input removes the last value.
  document.addEventListener("keydown", (event) => {
    const entry = event.target.closest?.("[data-chips] > input[type=text]");
    if (!entry || event.isComposing) return;
    const buttons = entry.parentElement.querySelectorAll("button");
    if (event.key === "Enter" || event.key === ",") {
      event.preventDefault();
      if (entry.value.trim()) buttons[buttons.length - 1].click();
    }
    if (event.key === "Backspace" && !entry.value && buttons.length > 1) {
      event.preventDefault();
      buttons[buttons.length - 2].click();
    }
  });
})();

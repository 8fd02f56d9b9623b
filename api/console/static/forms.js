// Small things in forms: Enter in a search among choices searches and sends nothing; a key is copied by a button.
(() => {
  "use strict";
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches?.("[data-searches]")) event.preventDefault();
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const field = document.querySelector(button.dataset.copy);
    const told = button.closest(".field").querySelector("[role=status]");
    try {
      await navigator.clipboard.writeText(field.value);
      told.textContent = "Copied.";
    } catch {
      field.select(); // no clipboard without https: the person copies what is selected
      told.textContent = "Selected: copy it with your keyboard.";
    }
  });
})();

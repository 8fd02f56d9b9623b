// A live list in which a person reads keeps its rows where they are: what came meanwhile waits behind a button.
// A person reads where the pointer was moved over the rows, the focus is in one, or the page is scrolled below the first.
// `data-calm` names the button, which has in `data-label` its text for one new row, for many, and for other changes.
(() => {
  "use strict";
  let pointed = ""; // the id of the list over whose rows the pointer was moved last
  let own = false; // the person has just changed the list or asked for the news, and has done nothing else since

  const rowsIn = (root) => [...root.querySelectorAll("tbody tr[id]")].map((row) => row.id);
  const buttonOf = (region) => document.getElementById(region.dataset.calm);

  function isRead(region) {
    const rows = region.querySelector("tbody");
    if (own || !rows) return false;
    return pointed === region.id || rows.contains(document.activeElement) || rows.getBoundingClientRect().top < 0;
  }

  let place = "";
  document.addEventListener("pointermove", ({ target, screenX, screenY }) => {
    const before = place;
    place = `${screenX} ${screenY}`;
    if (place === before) return; // the page moved, not the pointer
    own = false;
    pointed = target.closest?.("tbody")?.closest("[data-calm]")?.id ?? "";
  });
  document.documentElement.addEventListener("pointerleave", () => { pointed = ""; });
  for (const gesture of ["keydown", "wheel", "touchmove"]) {
    addEventListener(gesture, () => { own = false; }, { capture: true, passive: true });
  }
  document.addEventListener("rollcall:done", () => { own = true; });

  document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
    const region = ctx.sourceElement;
    if (!region?.matches?.("[data-live][data-calm]") || ctx.response?.status !== 200) return;
    const task = tasks.find((each) => each.type === "main");
    if (!task) return;
    const before = rowsIn(region), after = rowsIn(task.fragment);
    const stays = before.join() === after.join();
    // Nothing in the list moves; what is beside it, such as its size, is shown as it is.
    ctx.held = !stays && isRead(region);
    const button = buttonOf(region);
    button.hidden = !ctx.held;
    if (!ctx.held) return;
    tasks.splice(tasks.indexOf(task), 1);
    const added = after.filter((id) => !before.includes(id)).length;
    const [one, many, other] = button.dataset.label.split("|");
    const text = (added === 1 ? one : added ? many : other).replace("#", added.toLocaleString(document.documentElement.lang));
    if (button.textContent !== text) button.textContent = text;
  });

  document.addEventListener("click", ({ target }) => {
    if (!target.matches?.("[data-shows]")) return;
    const region = document.getElementById(target.dataset.shows);
    own = true;
    target.hidden = true;
    region.focus({ preventScroll: true });
    if (region.getBoundingClientRect().top < 0) region.scrollIntoView();
    htmx.trigger(region, "refresh");
  });
})();

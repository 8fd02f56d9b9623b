// What the console's pages do in the browser beyond forms and links: dialogs, live regions, menus, notices.
// Listeners are bound to the document once, so that content which htmx loads later works too.
(() => {
  "use strict";
  const LIVE_EVERY = 1000; // milliseconds
  const NOTICE_STAYS = 5000;
  const dialog = document.getElementById("dialog");
  const base = document.title;
  let opener = null;
  let reached = 0; // the depth of what the dialog shows, which Back may already have left
  const openers = {}; // by depth: the id of the link in a dialog that opened the next dialog
  // After a reload a dialog's address shows a page, with no dialog to leave.
  history.replaceState(null, "");

  // --- Input that is not saved yet: leaving it in any way asks once.
  const unsaved = document.getElementById("unsaved");
  const kept = new WeakSet(); // forms that were shown again with what was entered, or whose rows were changed
  let leaving = false; // leaving was confirmed, or a form is being sent
  let proceed = null; // what follows once it is confirmed

  const defaultIndex = (select) => Math.max(0, [...select.options].findIndex((option) => option.defaultSelected));

  function isFieldChanged(field) {
    if (field.disabled || ["search", "password", "submit", "button"].includes(field.type)) return false;
    if (field.type === "hidden") return field.name === "ticked" && field.form.matches("[data-ticks]") && field.value !== "";
    if (field.type === "file") return field.files.length > 0;
    if (field.type === "checkbox" || field.type === "radio") {
      return !field.form.matches("[data-ticks]") && field.checked !== field.defaultChecked;
    }
    if (field.type === "select-one") return field.selectedIndex !== defaultIndex(field);
    if (field.type === "select-multiple") return [...field.options].some((option) => option.selected !== option.defaultSelected);
    if (!("defaultValue" in field) || field.tagName === "OUTPUT") return false;
    // A field may show less than it was given: an input has no line ends, a date no text.
    const untouched = field.cloneNode(true);
    untouched.value = field.defaultValue;
    return field.value !== untouched.value;
  }
  const isFormChanged = (form) => kept.has(form) || [...form.elements].some(isFieldChanged);
  const formsIn = (root) => [...root.querySelectorAll("form[method=post]:not([data-unguarded])")];
  const isChanged = (root) => !leaving && formsIn(root).some(isFormChanged);

  function askBefore(root, action) {
    if (!isChanged(root)) return action();
    proceed = action;
    unsaved.showModal();
    unsaved.querySelector("[data-stay]").focus();
  }

  function answerUnsaved(discard) {
    const action = proceed;
    proceed = null;
    if (unsaved.open) unsaved.close();
    if (discard && action) {
      leaving = true;
      action();
    }
  }
  unsaved.addEventListener("cancel", () => answerUnsaved(false));
  unsaved.addEventListener("click", ({ target }) => {
    if (target === unsaved || target.closest("[data-stay]")) answerUnsaved(false);
    else if (target.closest("[data-discard]")) answerUnsaved(true);
  });

  addEventListener("beforeunload", (event) => { if (isChanged(document)) event.preventDefault(); });
  addEventListener("pageshow", () => { leaving = false; });
  document.addEventListener("input", () => { leaving = false; });
  // At the window, after every other listener: a form that is sent by a script does not leave the page.
  addEventListener("submit", (event) => {
    const loses = formsIn(document).some((form) => form !== event.target && isFormChanged(form));
    leaving ||= !event.defaultPrevented && !loses;
  });
  for (const form of formsIn(document)) if (form.querySelector(".problems, [name=tried], .wrong")) kept.add(form);

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (link.target || link.download || link.hasAttribute("download")) return;
    const inDialog = dialog.contains(link);
    // Another dialog over the page leaves nothing; every other link does.
    if (link.matches("[data-dialog]") && !inDialog) return;
    if (link.getAttribute("href").startsWith("#") || link.closest(".pages") || !isChanged(inDialog ? dialog : document)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    askBefore(inDialog ? dialog : document, () => link.click());
  }, true);

  // --- Dialogs: a link with data-dialog loads the content of its page; its address goes into the history.
  const depth = () => history.state?.dialog ?? 0;

  function loadDialog(address) {
    return htmx.ajax("GET", address, { target: "#dialog", swap: "innerHTML" });
  }

  function showDialog() {
    if (!dialog.childElementCount) return;
    if (!dialog.open) dialog.showModal();
    const wanted = dialog.querySelector("[autofocus]") ?? dialog.querySelector(`#${CSS.escape(openers[depth()] || "none")}`);
    if (wanted) wanted.focus();
    else if (!dialog.contains(document.activeElement)) document.getElementById("dialog-title")?.focus();
  }

  function hideDialog() {
    if (dialog.open) dialog.close();
    dialog.replaceChildren();
    leaving = false;
    document.title = base;
    const back = opener?.isConnected ? opener : document.getElementById(opener?.id ?? "");
    (back ?? document.getElementById("main")).focus({ preventScroll: true });
    refreshLive();
  }

  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    ctx.within = dialog.contains(ctx.sourceElement);
    if (ctx.within || ctx.target === dialog) ctx.request.headers["Rollcall-Dialog"] = "1";
    // Stored now: the answer replaces a link inside the dialog.
    ctx.opens = ctx.sourceElement.closest?.("[data-dialog]")?.href;
    if (ctx.opens) openers[depth()] = ctx.sourceElement.id;
  });

  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    // The dialog was closed while its next page was loading.
    if (ctx.within && ctx.target === dialog && !dialog.open) event.preventDefault();
    const form = ctx.sourceElement?.form ?? ctx.sourceElement?.closest?.("form[method=post]");
    // Sent and shown again: what was entered is in its fields now, but not saved.
    const again = form?.method === "post" && (ctx.target === dialog ? isFormChanged(form)
      : ctx.target?.id === "builder" || [...form.elements].some((field) => ctx.target?.contains(field) && isFieldChanged(field)));
    ctx.keeps = again ? form : null;
  });

  document.addEventListener("htmx:after:swap", (event) => {
    const { ctx } = event.detail;
    if (ctx.keeps) for (const form of ctx.target === dialog ? formsIn(dialog) : [ctx.keeps]) kept.add(form);
    if (ctx.target === dialog) {
      leaving = false;
      if (ctx.opens && ctx.response?.status < 400) {
        history.pushState({ dialog: depth() + 1 }, "", ctx.opens);
        delete openers[depth()];
      }
      reached = depth();
      showDialog();
      (dialog.querySelector(".problems") ?? dialog.querySelector("[autofocus]"))?.focus();
      const title = document.getElementById("dialog-title")?.textContent;
      if (title) document.title = `${title} · Rollcall`;
    }
    if (ctx.sourceElement?.closest?.("[data-live-form], .pages")) {
      history.replaceState(history.state, "", ctx.request.action);
    }
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-dialog]");
    if (link && !dialog.contains(link)) {
      const menu = link.closest("[popover]");
      opener = menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : link;
      menu?.hidePopover();
    }
    if (event.target.closest("[data-close]")) askBefore(dialog, () => leave(depth()));
    if (event.target.closest("[data-back]")) askBefore(dialog, () => leave(1));
  });

  // A click on the backdrop closes the dialog, but not the end of a text selection that began inside.
  let pressed = null;
  dialog.addEventListener("pointerdown", (event) => { pressed = event.target; });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && pressed === dialog) askBefore(dialog, () => leave(depth()));
  });

  function leave(steps) {
    if (depth() && steps) history.go(-Math.min(steps, depth()));
    else hideDialog();
  }

  // Escape is Cancel: one step, through the history like every other way out. It is taken from the keyboard, because a
  // browser lets a page prevent the closing of a dialog only now and then.
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || !dialog.open || unsaved.open) return;
    if (document.querySelector(".menu:popover-open") || (event.target.type === "search" && event.target.value)) return;
    event.preventDefault();
    askBefore(dialog, () => leave(1));
  });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    askBefore(dialog, () => leave(1));
  });

  let ignored = 0; // steps through the history that only undo one
  addEventListener("popstate", () => {
    if (ignored) {
      ignored -= 1;
      return;
    }
    const steps = reached - depth();
    if (dialog.open && isChanged(dialog)) {
      ignored += 1;
      history.go(steps); // back to the address of what is shown, until it is decided
      addEventListener("popstate", () => askBefore(dialog, () => history.go(-steps)), { once: true });
      return;
    }
    leaving = false;
    reached = depth();
    if (depth()) loadDialog(location.href);
    else if (dialog.open || dialog.childElementCount) hideDialog();
    else location.reload();
  });

  document.addEventListener("rollcall:done", (event) => {
    notify(decodeURIComponent(event.detail.message));
    leaving = true; // it is saved
    leave(1);
    refreshLive();
  });

  // --- Live regions request news once a second; the server answers 204 if there is none.
  function refreshLive() {
    for (const region of document.querySelectorAll("[data-live]")) {
      if (!region.querySelector(":popover-open")) htmx.trigger(region, "refresh");
    }
  }
  setInterval(() => document.visibilityState === "visible" && refreshLive(), LIVE_EVERY);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refreshLive());

  const unavailable = document.getElementById("unavailable");
  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx?.sourceElement?.matches?.("[data-live]")) unavailable.hidden = false;
  });
  document.addEventListener("htmx:after:request", () => { unavailable.hidden = true; });
  // A live region that cannot be loaded now stays as it is.
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = event.detail;
    if (ctx.sourceElement?.matches?.("[data-live]")) ctx.swap = "none";
  });

  // --- Notices
  function notify(text) {
    const notice = document.createElement("p");
    notice.className = "notice";
    notice.textContent = text;
    const notices = document.getElementById("notices");
    notices.append(notice);
    // Shown again, to be above a dialog that stays open: the last popover is on top.
    notices.popover = "manual";
    notices.hidePopover();
    notices.showPopover();
    setTimeout(() => notice.remove(), NOTICE_STAYS);
  }
  for (const notice of document.querySelectorAll("#notices .notice")) setTimeout(() => notice.remove(), NOTICE_STAYS);

  // --- Menus open below their button, or above it if there is no room below.
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!menu.matches?.(".menu[popover]") || event.newState !== "open") return;
    const button = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
    const below = button.bottom + menu.offsetHeight + 8 < innerHeight;
    menu.style.top = `${below ? button.bottom + 4 : Math.max(8, button.top - menu.offsetHeight - 4)}px`;
    menu.style.left = `${Math.max(8, Math.min(button.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 8))}px`;
    menu.querySelector("a, button")?.focus();
  }, true);

  // --- Input from before the scripts were loaded is handled now. The timeout lets htmx initialise first.
  const EARLY_INPUTS = "main :is(input[type=search], input[type=radio], select:not([multiple]))";
  setTimeout(() => {
    for (const field of document.querySelectorAll(EARLY_INPUTS)) {
      if (field.type === "search" && field.value !== field.defaultValue) dispatch(field, "input");
      if (field.type === "radio" && field.checked && !field.defaultChecked) dispatch(field, "change");
      if (field.type === "select-one" && field.selectedIndex !== defaultIndex(field)) dispatch(field, "change");
    }
  });
  const dispatch = (field, event) => field.dispatchEvent(new Event(event, { bubbles: true }));

  // --- Small behaviours
  document.addEventListener("change", (event) => event.target.closest("form[data-submit-on-change]")?.requestSubmit());
  const showCopyButtons = () => {
    for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
  };
  showCopyButtons();
  document.addEventListener("htmx:after:swap", showCopyButtons);
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    button.textContent = "Copied";
  });
  // Enter in a search inside a form does not send the form.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches?.("[data-searches]")) event.preventDefault();
  });
  for (const toggle of document.querySelectorAll("[data-theme-toggle]")) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      const root = document.documentElement;
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      localStorage.setItem("theme", root.dataset.theme);
    });
  }
})();

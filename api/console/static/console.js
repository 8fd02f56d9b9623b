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
  let onItsWay = false; // the next page was asked for; who does something else on this one stopped that
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
  for (const gesture of ["pointerdown", "keydown"]) {
    addEventListener(gesture, () => {
      if (onItsWay) leaving = onItsWay = false;
    }, true);
  }
  // At the window, after every other listener: a form that is sent by a script does not leave the page.
  addEventListener("submit", (event) => {
    const loses = formsIn(document).some((form) => form !== event.target && isFormChanged(form));
    if (event.defaultPrevented || loses) return;
    leaving = onItsWay = true;
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
    askBefore(inDialog ? dialog : document, () => {
      onItsWay = !inDialog;
      link.click();
    });
  }, true);

  // --- Dialogs: a link with data-dialog loads the content of its page; its address goes into the history.
  const depth = () => history.state?.dialog ?? 0;

  function loadDialog(address) {
    return htmx.ajax("GET", address, { target: "#dialog", swap: "innerHTML" });
  }

  // A dialog shows itself before its content is there. What comes at once does not flicker.
  const AT_ONCE = 80; // milliseconds
  let loading = null; // the request whose answer the dialog will show

  function showLoading(ctx) {
    loading = ctx;
    setTimeout(() => {
      if (loading !== ctx) return;
      dialog.setAttribute("aria-busy", "true");
      if (dialog.open) return;
      dialog.replaceChildren(document.getElementById("dialog-loading").content.cloneNode(true));
      const link = ctx.sourceElement.closest?.("[data-dialog]");
      const title = document.getElementById("dialog-title");
      title.textContent = link?.ariaLabel ?? link?.firstChild?.textContent.trim() ?? "";
      dialog.showModal();
      title.focus();
    }, AT_ONCE);
  }

  function stopLoading() {
    if (loading) loading.stopped = true;
    loading?.request.abort();
    loading = null;
    dialog.removeAttribute("aria-busy");
  }

  document.addEventListener("htmx:before:request", (event) => {
    const { ctx } = event.detail;
    // What a button of the filter builder does is work before it is seen.
    if (ctx.target?.id === "builder" && ctx.sourceElement.form) kept.add(ctx.sourceElement.form);
    if (ctx.target === dialog && (!dialog.open || ctx.request.method === "GET")) showLoading(ctx);
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if (event.detail.ctx !== loading) return;
    stopLoading();
    if (dialog.querySelector("[data-loading]")) hideDialog(); // nothing came
    if (event.detail.ctx.status.startsWith("error")) notify(document.getElementById("dialog-loading").dataset.failed);
  });

  function showDialog() {
    if (!dialog.childElementCount) return;
    if (!dialog.open) dialog.showModal();
    const wanted = dialog.querySelector("[autofocus]") ?? dialog.querySelector(`#${CSS.escape(openers[depth()] || "none")}`);
    if (wanted) wanted.focus();
    else if (!dialog.contains(document.activeElement)) document.getElementById("dialog-title")?.focus();
  }

  function hideDialog() {
    stopLoading();
    if (dialog.open) dialog.close();
    dialog.replaceChildren();
    leaving = false;
    document.title = base;
    const back = opener?.isConnected ? opener : document.getElementById(opener?.id ?? "");
    // A button for ticked rows is away once none is ticked.
    (back?.checkVisibility() && !back.disabled ? back : document.getElementById("main")).focus({ preventScroll: true });
    refreshLive();
  }

  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    ctx.within = dialog.contains(ctx.sourceElement);
    if (ctx.within || ctx.target === dialog) ctx.request.headers["Rollcall-Dialog"] = "1";
    // Stored now: the answer replaces a link inside the dialog.
    ctx.opens = ctx.sourceElement.closest?.("[data-dialog]");
    if (ctx.opens) openers[depth()] = ctx.sourceElement.id;
  });

  // --- Of a page, only the elements that are shown anew are asked for; of a live one, only if it changed.
  const shown = new WeakMap(); // live region -> what the server calls that which it shows
  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (!ctx.select?.startsWith("#")) return;
    const { headers } = ctx.request;
    const others = (ctx.selectOOB ?? "").split(",").map((each) => each.split(":")[0].trim());
    headers["Rollcall-Part"] = [ctx.select, ...others].filter(Boolean).map((each) => each.slice(1)).join(" ");
    if (!ctx.sourceElement.matches("[data-live]")) return;
    ctx.asked = ctx.sourceElement.getAttribute("hx-get");
    const known = shown.get(ctx.sourceElement);
    if (!known) return;
    headers["Rollcall-Shown"] = known.text;
    if (known.state) headers["Rollcall-Seen"] = known.state;
  });
  document.addEventListener("htmx:before:response", (event) => {
    const { ctx } = event.detail;
    const text = ctx.response.headers.get("Rollcall-Shown");
    if (text && ctx.response.status === 204) shown.set(ctx.sourceElement, { text, state: ctx.response.headers.get("Rollcall-Seen") });
  });
  document.addEventListener("htmx:after:swap", (event) => {
    const { ctx } = event.detail;
    if (ctx.held) return; // see calm.js
    const region = ctx.select?.startsWith("#") && document.querySelector(ctx.select);
    const text = ctx.response?.headers.get("Rollcall-Shown");
    if (region && text) shown.set(region, { text, state: null });
    else if (region) shown.delete(region);
  });

  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    // The dialog was closed while its next page was loading; what was stopped may be here already.
    if (ctx.target === dialog && (ctx.stopped || (ctx.within && !dialog.open))) event.preventDefault();
    // News of what the region showed before: it shows something else by now.
    if (ctx.asked && ctx.asked !== ctx.sourceElement.getAttribute("hx-get")) event.preventDefault();
    const form = ctx.sourceElement?.form ?? ctx.sourceElement?.closest?.("form[method=post]");
    // Sent and shown again: what was entered is in its fields now, but not saved.
    const again = form?.method === "post" && (ctx.target === dialog ? isFormChanged(form)
      : ctx.target?.id === "builder" || [...form.elements].some((field) => ctx.target?.contains(field) && isFieldChanged(field)));
    ctx.keeps = again ? form : null;
  });

  document.addEventListener("htmx:after:swap", (event) => {
    const { ctx } = event.detail;
    // What was saved is shown again too, where there is more of its kind to enter.
    if (ctx.keeps && !dialog.querySelector("[data-saved]")) for (const form of ctx.target === dialog ? formsIn(dialog) : [ctx.keeps]) kept.add(form);
    if (ctx.target === dialog) {
      // Its content is here: Escape closes it from now on, also before htmx has ended the request.
      if (ctx === loading) loading = null;
      dialog.removeAttribute("aria-busy");
      leaving = false;
      if (ctx.opens && ctx.response?.status < 400) {
        history.pushState({ dialog: depth() + 1 }, "", ctx.opens.href ?? ctx.request.action);
        delete openers[depth()];
      }
      reached = depth();
      showDialog();
      (dialog.querySelector(".problems") ?? dialog.querySelector("[autofocus]"))?.focus();
      const title = document.getElementById("dialog-title")?.textContent;
      if (title) document.title = `${title} · Rollcall`;
    }
    if (ctx.sourceElement?.matches?.("[data-live-form], .pages *")) {
      history.replaceState(history.state, "", ctx.request.action);
      if (!depth()) onPage = whole();
    }
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-dialog]");
    if (link?.href && !dialog.contains(link)) {
      const menu = link.closest(":popover-open");
      opener = menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : link;
      menu?.hidePopover();
    }
    if (event.target.closest("[data-close]")) askBefore(dialog, () => leave(depth()));
    if (event.target.closest("[data-back]")) askBefore(dialog, () => leave(1));
  });

  // A form that opens a dialog does it by the button that sends it.
  addEventListener("submit", ({ target, submitter }) => {
    if (target.matches("[hx-target='#dialog']") && !dialog.contains(target)) opener = submitter;
  }, true);

  // A click on the backdrop closes the dialog, but not the end of a text selection that began inside.
  let pressed = null;
  dialog.addEventListener("pointerdown", (event) => { pressed = event.target; });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && pressed === dialog) askBefore(dialog, () => leave(depth()));
  });

  // Escape while the next dialog is loading stays in this one, where there is one.
  function cancel() {
    if (loading && depth() && !dialog.querySelector("[data-loading]")) stopLoading();
    else askBefore(dialog, () => leave(1));
  }

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
    cancel();
  });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    cancel();
  });

  const whole = () => location.pathname + location.search;
  let onPage = whole(); // the address of what the page shows, without the place in it
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
    stopLoading();
    if (depth()) loadDialog(location.href);
    else if (dialog.open || dialog.childElementCount) hideDialog();
    else if (whole() !== onPage) location.reload();
  });

  document.addEventListener("rollcall:done", (event) => {
    const { message, position, back } = event.detail;
    notify(decodeURIComponent(message), position && { position, back: decodeURIComponent(back) });
    leaving = true; // it is saved
    // What was taken back by a notice leaves an open dialog as it is.
    if (!document.getElementById("notices").contains(event.target)) leave(1);
    refreshLive();
  });

  // --- Live regions request news once a second; the server answers 204 if there is none.
  const lost = new WeakSet(); // the page, or a dialog's content, that is about something which was deleted meanwhile
  const KEPT_UP_TO_DATE = "[data-live], [hx-trigger*='every ']";
  const around = (region) => region.closest(".dialog-body") ?? document.getElementById("main");
  // What was deleted does not come back: its page says so, and asks no more.
  function showLost(region, text) {
    const message = new DOMParser().parseFromString(text, "text/html").querySelector("[data-gone]");
    const page = around(region);
    if (!message || lost.has(page)) return;
    lost.add(page);
    const head = page.querySelector(":scope > .page-head");
    if (head) head.after(message);
    else page.prepend(message);
  }
  function refreshLive() {
    for (const region of document.querySelectorAll("[data-live]")) {
      if (!region.querySelector(":popover-open") && !lost.has(around(region))) htmx.trigger(region, "refresh");
    }
  }
  // Not while something is sent, nor while another page loads after it: what this page is about may be gone by then.
  let sending = false;
  const isPost = ({ ctx }) => ctx.request.method === "POST";
  document.addEventListener("htmx:before:request", ({ detail }) => { sending ||= isPost(detail); });
  document.addEventListener("htmx:finally:request", ({ detail }) => {
    if (isPost(detail)) sending = Boolean(detail.ctx.response?.headers.get("HX-Redirect"));
  });
  addEventListener("pageshow", () => { sending = false; });
  setInterval(() => document.visibilityState === "visible" && !sending && refreshLive(), LIVE_EVERY);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refreshLive());

  const unavailable = document.getElementById("unavailable");
  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx?.sourceElement?.matches?.("[data-live]")) unavailable.hidden = false;
  });
  document.addEventListener("htmx:after:request", () => { unavailable.hidden = true; });
  // A live region that cannot be loaded now stays as it is.
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = event.detail;
    if (!ctx.sourceElement?.matches?.(KEPT_UP_TO_DATE) || ctx.request.method !== "GET") return;
    ctx.swap = "none";
    if ([404, 410].includes(ctx.response.status)) showLost(ctx.sourceElement, ctx.text);
  });
  document.addEventListener("htmx:before:request", (event) => {
    const { sourceElement } = event.detail.ctx;
    if (sourceElement?.matches?.(KEPT_UP_TO_DATE) && lost.has(around(sourceElement))) event.preventDefault();
  });

  // --- Notices
  const UNDO_STAYS = 20_000;
  function notify(text, undo) {
    const notice = document.createElement("div");
    notice.className = "notice";
    notice.textContent = text;
    if (undo) {
      const offer = document.getElementById("undo").content.cloneNode(true);
      const form = offer.querySelector("form");
      for (const [name, value] of Object.entries(undo)) form.elements[name].value = value;
      form.id = offer.querySelector("button").getAttribute("form") + undo.position;
      offer.querySelector("button").setAttribute("form", form.id);
      notice.append(" ", offer);
      htmx.process(notice);
    }
    const notices = document.getElementById("notices");
    notices.append(notice);
    // Shown again, to be above a dialog that stays open: the last popover is on top.
    notices.popover = "manual";
    notices.hidePopover();
    notices.showPopover();
    goLater(notice);
  }
  // A notice that offers something stays longer, and as long as the pointer or the focus is on it.
  function goLater(notice) {
    const offers = notice.querySelector("button");
    setTimeout(() => notice.matches(":hover, :focus-within") ? goLater(notice) : notice.remove(), offers ? UNDO_STAYS : NOTICE_STAYS);
  }
  document.addEventListener("htmx:after:request", ({ detail }) => {
    const notice = detail.ctx.sourceElement?.closest?.(".notice");
    if (notice) setTimeout(() => notice.remove());
  });
  for (const notice of document.querySelectorAll("#notices .notice")) goLater(notice);

  // --- Menus open with the focus on their first item; console.css places them where it can.
  const placed = CSS.supports("position-area", "bottom");
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!menu.matches?.(".menu[popover]") || event.newState !== "open") return;
    if (!placed) {
      const button = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
      const below = button.bottom + menu.offsetHeight + 8 < innerHeight;
      menu.style.top = `${below ? button.bottom : Math.max(8, button.top - menu.offsetHeight - 8)}px`;
      menu.style.left = `${Math.max(8, Math.min(button.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 8))}px`;
    }
    menu.querySelector("a, button")?.focus();
  }, true);

  // Arrows, Home, End and the first letters of an item lead through an open menu; an arrow opens one.
  const TYPED_TOGETHER = 700; // milliseconds
  let typed = "", typedAt = 0;
  function itemFor(event, items) {
    const at = items.indexOf(document.activeElement);
    const places = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 };
    if (event.key in places) return items.at(places[event.key] % items.length);
    if (event.key.length !== 1 || event.key === " ") return null;
    typed = event.timeStamp - typedAt < TYPED_TOGETHER ? typed + event.key : event.key;
    typedAt = event.timeStamp;
    // Further letters may name the item that has the focus; the first one names the next.
    const order = [...items.slice(at + 1), ...items.slice(0, at + 1)];
    if (typed.length > 1) order.unshift(...order.splice(-1));
    return order.find((each) => each.textContent.trim().toLowerCase().startsWith(typed.toLowerCase()));
  }
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
    if (event.key === "ArrowDown" && event.target.matches?.("[popovertarget]")) {
      event.preventDefault();
      document.getElementById(event.target.getAttribute("popovertarget")).showPopover({ source: event.target });
      return;
    }
    const menu = event.target.closest?.(":popover-open");
    if (!menu || event.target.matches("input, select, textarea")) return;
    const items = [...menu.querySelectorAll("a, button")].filter((each) => each.checkVisibility());
    const item = items.length ? itemFor(event, items) : null;
    if (!item) return;
    event.preventDefault();
    item.focus();
  });

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

  // --- Scripts of what only some pages and dialogs have
  const waiting = [...document.getElementById("scripts").content.children];
  function loadScripts() {
    for (const each of [...waiting]) {
      if (!document.querySelector(each.dataset.for)) continue;
      waiting.splice(waiting.indexOf(each), 1);
      if (document.querySelector(`script[src="${each.getAttribute("src")}"]`)) continue; // the page brings it along
      const script = document.createElement("script");
      script.src = each.getAttribute("src");
      document.head.append(script);
    }
  }
  loadScripts();
  document.addEventListener("htmx:after:swap", loadScripts);

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
    button.textContent = button.dataset.copied;
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

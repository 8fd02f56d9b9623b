// A form with `data-upload` sends its file with progress; a file can be dragged in; one over `data-max-bytes` is not sent.
// Without scripts, the form works like any other. The form has what to say in its `data-says-…`.
(() => {
  "use strict";
  const part = (form, name) => form.querySelector(`[data-${name}]`);
  const dialog = document.getElementById("dialog");

  function showError(form, error) {
    form.querySelector("#file-error").textContent = error;
    form.elements.file.setAttribute("aria-invalid", error !== "");
  }

  function errorIn(form) {
    const [file] = form.elements.file.files;
    if (!file) return form.dataset.saysChoose;
    if (file.size > Number(form.dataset.maxBytes)) return form.dataset.saysTooLarge;
    return "";
  }

  function send(form) {
    const request = new XMLHttpRequest();
    const button = form.querySelector("button.primary");
    const bar = form.querySelector("progress");
    const busy = (on) => { button.disabled = on; part(form, "sending").hidden = !on; };
    const failed = (error) => { busy(false); showError(form, error); };
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.value = (100 * loaded) / total;
      part(form, "sent").textContent = `${Math.floor(bar.value)} %`;
    });
    request.addEventListener("load", () => {
      if (!form.isConnected) return; // the dialog was closed; the import continues
      if (request.status === 201) return showProgress(form, request.getResponseHeader("Location"));
      const answer = new DOMParser().parseFromString(request.responseText, "text/html");
      const message = answer.getElementById("file-error") ?? answer.querySelector("main .empty p");
      failed(message?.textContent.trim() || form.dataset.saysRefused);
    });
    request.addEventListener("error", () => failed(form.dataset.saysFailed));
    request.open("POST", form.action);
    request.setRequestHeader("Rollcall-Upload", "1");
    busy(true);
    request.send(new FormData(form));
  }

  function showProgress(form, address) {
    if (!dialog.contains(form)) return location.assign(address);
    history.replaceState(history.state, "", address);
    htmx.ajax("GET", address, { target: "#dialog", swap: "innerHTML" });
  }

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-upload]");
    if (!form) return;
    event.preventDefault();
    const error = errorIn(form);
    showError(form, error);
    if (!error) send(form);
  });

  document.addEventListener("change", ({ target }) => {
    const form = target.closest("form[data-upload]");
    if (form && target.type === "file" && target.files.length) showError(form, errorIn(form));
  });

  // A file dropped outside the zone must not replace the page.
  for (const name of ["dragover", "drop", "dragleave"]) {
    document.addEventListener(name, (event) => {
      const form = document.querySelector("form[data-upload]");
      if (!form) return;
      const zone = event.target.closest?.("[data-drop]");
      event.preventDefault();
      form.querySelector("[data-drop]").classList.toggle("over", name === "dragover" && zone !== null);
      if (name === "drop" && zone && event.dataTransfer.files.length) {
        form.elements.file.files = event.dataTransfer.files;
        form.elements.file.dispatchEvent(new Event("change", { bubbles: true }));
      }
    });
  }

  const showDropHints = () => { for (const hint of document.querySelectorAll("[data-drop-hint]")) hint.hidden = false; };
  document.addEventListener("htmx:after:swap", showDropHints);
  showDropHints();
})();

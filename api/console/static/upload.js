// A form with `data-upload` sends its file with progress; a file can be dragged in; one over `data-max-bytes` is not sent.
// Where scripts do not run, the form works as any other.
(() => {
  "use strict";
  const inside = (form, name) => form.querySelector(`[data-${name}]`);
  const dialog = document.getElementById("dialog");

  function say(form, mistake) {
    form.querySelector("#file-error").textContent = mistake;
    form.elements.file.setAttribute("aria-invalid", mistake !== "");
  }

  function mistakeIn(form) {
    const [file] = form.elements.file.files;
    if (!file) return "Choose a CSV file first.";
    if (file.size > Number(form.dataset.maxBytes)) return `The file is too large: at most ${form.dataset.maxBytes / 1048576} MB. Split it and import the parts.`;
    return "";
  }

  function send(form) {
    const request = new XMLHttpRequest();
    const button = form.querySelector("button.primary");
    const bar = form.querySelector("progress");
    const busy = (on) => { button.disabled = on; inside(form, "sending").hidden = !on; };
    const failed = (mistake) => { busy(false); say(form, mistake); };
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.value = (100 * loaded) / total;
      inside(form, "sent").textContent = `${Math.floor(bar.value)} %`;
    });
    request.addEventListener("load", () => {
      if (!form.isConnected) return; // the dialog was closed meanwhile; the import runs
      if (request.status === 201) return go(form, request.getResponseHeader("Location"));
      const answer = new DOMParser().parseFromString(request.responseText, "text/html");
      const told = answer.getElementById("file-error") ?? answer.querySelector("main .empty p");
      failed(told?.textContent.trim() || "The upload was refused. Reload the page and try again.");
    });
    request.addEventListener("error", () => failed("The upload failed. Try again."));
    request.open("POST", form.action);
    request.setRequestHeader("Rollcall-Upload", "1");
    busy(true);
    request.send(new FormData(form));
  }

  function go(form, address) {
    if (!dialog.contains(form)) return location.assign(address);
    history.replaceState(history.state, "", address);
    htmx.ajax("GET", address, { target: "#dialog", swap: "innerHTML" });
  }

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-upload]");
    if (!form) return;
    event.preventDefault();
    const mistake = mistakeIn(form);
    say(form, mistake);
    if (!mistake) send(form);
  });

  document.addEventListener("change", ({ target }) => {
    const form = target.closest("form[data-upload]");
    if (form && target.type === "file" && target.files.length) say(form, mistakeIn(form));
  });

  // A file that misses the zone must not replace the page.
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

  const dress = () => { for (const hint of document.querySelectorAll("[data-drop-hint]")) hint.hidden = false; };
  document.addEventListener("htmx:after:swap", dress);
  dress();
})();

// In the widget's frame: tells the page that holds it how the consent ends. Speaks to the allowed origin only.
(() => {
  "use strict";
  const opener = document.body.dataset.opener;
  const LOOK_MS = 2000;
  if (window.parent === window) {
    // The tab of the sign-in: there is nobody to tell, and nothing to close but the tab itself.
    document.querySelector(".frame-bar")?.remove();
    return;
  }
  const tell = (type, payload) => window.parent.postMessage({ type, payload: payload || "" }, opener);

  document.querySelectorAll("[data-close]").forEach((button) => button.addEventListener("click", () => tell("CLOSED")));
  const said = document.querySelector("[data-say]");
  if (said) tell(said.dataset.say, said.textContent);

  const leaving = document.querySelector("form[data-leaves]");
  if (leaving) {
    leaving.addEventListener("submit", (event) => {
      if (event.submitter && event.submitter.name === "refuse") return;
      setTimeout(() => window.location.assign(leaving.dataset.leaves), 0);
    });
  }

  const waiting = document.getElementById("waiting");
  if (!waiting) return;
  let timer = 0;
  let busy = false;
  const look = async () => {
    clearTimeout(timer);
    if (busy) return;
    busy = true;
    let found = { type: "" };
    try {
      const answer = await fetch(waiting.dataset.result, { method: "POST" });
      const over = waiting.dataset.over;
      if (answer.ok) found = await answer.json();
      else if (answer.status === 410) found = { type: "TIMEOUT", payload: over, message: over };
    } catch {
      // No answer: we look again.
    }
    busy = false;
    if (!found.type) {
      timer = setTimeout(look, LOOK_MS);
      return;
    }
    document.removeEventListener("visibilitychange", look);
    if (found.type !== "SUCCESS") {
      document.getElementById("words").textContent = found.message;
      document.getElementById("over").hidden = false;
      waiting.hidden = true;
    }
    tell(found.type, found.payload);
  };
  document.addEventListener("visibilitychange", look);
  look();
})();

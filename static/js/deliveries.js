/* Lists and progress of deliveries. They work without this file.
     input[data-ticks-all]   ticks every row of the page; "x" ticks the row that has the focus
     [data-ticked]           says how many rows are ticked
     #progress[data-live]    is asked for again until its work has ended */
"use strict";
const ticks = [...document.querySelectorAll('input[form="ticked"]')];
const every = document.querySelector("[data-ticks-all]");
const told = document.querySelector("[data-ticked]");
if (told) {
  const buttons = [...document.querySelectorAll("#ticked button")];
  const follow = () => {
    const count = ticks.filter((tick) => tick.checked).length;
    told.textContent = `${count} ticked:`;
    for (const button of buttons) button.disabled = count === 0;
    every.checked = count > 0 && count === ticks.length;
    every.indeterminate = count > 0 && count < ticks.length;
  };
  every.hidden = false;
  every.addEventListener("change", () => { for (const tick of ticks) tick.checked = every.checked; follow(); });
  for (const tick of ticks) tick.addEventListener("change", follow);
  document.addEventListener("keydown", (event) => {
    const row = event.key === "x" && !event.ctrlKey && !event.metaKey && !event.altKey && document.activeElement?.closest("tbody tr");
    const tick = row && document.documentElement.dataset.keys !== "off" && row.querySelector('input[form="ticked"]');
    if (!tick || event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    tick.click();
    event.preventDefault();
  });
  addEventListener("pageshow", follow);
  follow();
}

const progress = document.getElementById("progress");
if (progress && "live" in progress.dataset) {
  let pause = 2000;
  const look = async () => {
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("progress");
      if (!found) return location.reload();
      for (const each of found.querySelectorAll("[data-copy]")) each.hidden = false;
      progress.replaceChildren(...found.childNodes);
      if (!("live" in found.dataset)) return;
    } catch { /* away for a moment: look again */ }
    pause = Math.min(10000, pause * 1.25);
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
}

/* Small behaviours by data attributes. Every page works without this file; what needs it is hidden until it runs.
     data-copy="#id"      copies the text of an element
     data-unlocks="#id"   arms a button when ticked
     data-open="#id"      opens a dialog
     data-script          is shown when scripts run
     data-problem         is shown when a passkey fails
     dialog[data-kept]    a dialog that only its own button closes
     table[data-rows]     rows for j and k
     data-key="x"         a link that "g x" follows */
"use strict";
const root = document.documentElement;
const said = document.getElementById("said");
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

let quiet;
function say(text) {
  if (!said) return;
  said.textContent = text;
  clearTimeout(quiet);
  quiet = setTimeout(() => { said.textContent = ""; }, 4000);
}

/* -- copy ------------------------------------------------------------------------------------------------ */
for (const each of all("[data-copy], [data-open], [data-script]")) each.hidden = false;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    const word = button.querySelector("[data-word]");
    const before = word?.textContent;
    say("Copied.");
    if (word && before !== "Copied") {
      word.textContent = "Copied";
      setTimeout(() => { word.textContent = before; }, 2000);
    }
  } catch {
    getSelection().selectAllChildren(source);
    say("Selected. Copy it with your keyboard.");
  }
});

/* -- ticks and dialogs ----------------------------------------------------------------------------------- */
for (const tick of all("[data-unlocks]")) {
  const locked = document.querySelector(tick.dataset.unlocks);
  const follow = () => { locked.disabled = !tick.checked; };
  tick.addEventListener("change", follow);
  follow();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) document.querySelector(opener.dataset.open)?.showModal();
  else if (event.target.matches("dialog:modal:not([data-kept])")) event.target.close();
});

for (const kept of all("dialog[data-kept]")) {
  const tick = kept.querySelector("[data-unlocks]");
  const stored = () => tick?.checked;
  const show = () => { if (!kept.matches(":modal")) { kept.close(); kept.showModal(); } };
  kept.addEventListener("cancel", (event) => event.preventDefault());
  kept.addEventListener("keydown", (event) => { if (event.key === "Escape") event.preventDefault(); });
  // A browser may close it all the same when Escape is pressed twice: then it comes back.
  kept.addEventListener("close", () => { if (!kept.open && !stored()) show(); });
  addEventListener("beforeunload", (event) => { if (!stored()) event.preventDefault(); });
  show();
  kept.querySelector("[data-copy]")?.focus();
}

for (const menu of all("details.drop")) {
  menu.addEventListener("focusout", (event) => { if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false; });
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
}

document.querySelector("[data-errors]")?.focus();
document.addEventListener("allauth.error", (event) => {
  const problem = document.querySelector("[data-problem]");
  if (!problem) return;
  event.preventDefault();
  problem.hidden = false;
  problem.focus();
});

/* -- times: UTC with the local time on hover, or the other way round ---------------------------------------- */
const local = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });
const plain = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const showLocal = root.dataset.times === "local";
for (const time of all("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.valueOf())) continue;
  time.title = showLocal ? `${time.title}` : `${local.format(at).replace(",", "")} (${time.title})`;
  if (showLocal) time.textContent = plain.format(at).replace(",", "");
}
if (showLocal) {
  for (const label of all("th, dt")) if (label.childElementCount === 0) label.textContent = label.textContent.replace("(UTC)", "(local)");
  for (const head of all("th a")) head.firstChild.textContent = head.firstChild.textContent.replace("(UTC)", "(local)");
  for (const cell of all("[data-label$='(UTC)']")) cell.dataset.label = cell.dataset.label.replace("(UTC)", "(local)");
  const note = document.getElementById("times-note");
  if (note) note.textContent = `Times are local (${Intl.DateTimeFormat().resolvedOptions().timeZone}); point at one for UTC.`;
}

/* -- keyboard ----------------------------------------------------------------------------------------------- */
let afterG = 0;
function step(by) {
  const rows = all("table[data-rows] tbody tr a:first-of-type").filter((link) => link.closest("th, td").querySelector("a") === link);
  const leading = rows.filter((link, index) => rows.findIndex((other) => other.closest("tr") === link.closest("tr")) === index);
  const here = leading.findIndex((link) => link.closest("tr").contains(document.activeElement));
  const next = leading[here < 0 ? (by > 0 ? 0 : leading.length - 1) : here + by];
  next?.focus({ focusVisible: true });
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.activeElement?.closest("details.drop[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    else if (document.activeElement?.matches("input[type=search]")) document.activeElement.blur();
    return;
  }
  if (root.dataset.keys === "off" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog:modal")) return;
  const going = Date.now() - afterG < 1500;
  afterG = 0;
  const link = going && document.querySelector(`.rail a[data-key="${CSS.escape(event.key)}"]`);
  if (link) link.click();
  else if (event.key === "g") afterG = Date.now();
  else if (event.key === "/") (document.getElementById("find")?.checkVisibility() ? document.getElementById("find") : document.getElementById("searchbar"))?.focus();
  else if (event.key === "?") document.getElementById("shortcuts")?.showModal();
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else return;
  event.preventDefault();
});

/* Small behaviours by data attributes: data-copy="#id" copies text, data-unlocks="#id" arms a button,
   "/" goes to the search box. Every page works without this file. */
"use strict";
const said = document.getElementById("said");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    said.textContent = "Copied.";
    button.querySelector("[data-word]").textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    said.textContent = "Selected. Copy with your keyboard.";
  }
});

for (const tick of document.querySelectorAll("[data-unlocks]")) {
  const locked = document.querySelector(tick.dataset.unlocks);
  const follow = () => { locked.disabled = !tick.checked; };
  tick.addEventListener("change", follow);
  follow();
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const search = document.getElementById("find");
  if (search) { event.preventDefault(); search.focus(); }
});

const menu = document.querySelector(".rail details");
if (menu && matchMedia("(max-width: 60rem)").matches) menu.open = false;

/* Pages of destinations. They work without this file.
     form[data-busy="words"]   says what goes on while the answer is awaited
     input[data-fills="name"]  fills marks of that name, and files to download; nothing is sent or kept */
"use strict";
for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button");
    button.setAttribute("aria-busy", "true");
    (button.querySelector("[data-word]") ?? button).textContent = form.dataset.busy;
    document.getElementById("said").textContent = form.dataset.busy;
    setTimeout(() => { button.disabled = true; });
  });
}
// Back from the browser's memory, the page is as it was before.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

const EXTERNAL_ID = /^[\w+=,.@:/-]{2,1224}$/;
for (const input of document.querySelectorAll("input[data-fills]")) {
  const marks = [...document.querySelectorAll(`mark[data-blank="${input.dataset.fills}"]`)];
  const blank = marks[0]?.textContent;
  const files = [...document.querySelectorAll("a[download]")].map((link) => [link, link.href]);
  const fill = () => {
    const given = input.value.trim();
    const good = EXTERNAL_ID.test(given);
    input.setAttribute("aria-invalid", String(given !== "" && !good));
    const text = good ? given : blank;
    for (const mark of marks) mark.textContent = text;
    for (const [link, href] of files) link.href = href.replaceAll(encodeURIComponent(blank), encodeURIComponent(text));
  };
  if (blank) input.addEventListener("input", fill);
}

// The page works without this file; it saves a press here and there.
"use strict";
for (const select of document.querySelectorAll("select[data-submit]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
  const button = select.form.querySelector("button");
  if (button) button.hidden = true;
}
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.getElementById("q").select();
  }
});
for (const image of document.images) {
  const blank = () => image.classList.add("broken");
  image.addEventListener("error", blank);
  if (image.complete && image.naturalWidth === 0 && image.loading !== "lazy") blank();
}

// The page works without this file; it saves a press here and there.
"use strict";
for (const form of document.querySelectorAll("form[data-submit]")) {
  const name = (field) => `${field.name}=${field.type === "checkbox" ? field.value : ""}`;
  form.addEventListener("change", (event) => {
    sessionStorage.setItem("changed", name(event.target));
    form.requestSubmit();
  });
  form.querySelector("button").hidden = true;
  // Who goes through the choices by keyboard finds the focus where it was.
  const changed = [...form.elements].find((field) => name(field) === sessionStorage.getItem("changed"));
  if (changed) { changed.focus({ preventScroll: true }); sessionStorage.removeItem("changed"); }
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

// Completions under the search box. The page works without this file.
"use strict";
(() => {
  const box = document.getElementById("q");
  if (!box) return;
  const list = document.createElement("ul");
  list.id = "suggestions";
  list.className = "suggestions";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  box.form.append(list);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false",
  })) box.setAttribute(name, value);

  const who = {};  // own queries are suggested, too
  for (const name of ["user", "session"]) {
    const field = box.form.elements.namedItem(name);
    if (field && field.value) who[name] = field.value;
  }

  let chosen = -1, timer = 0, asking = null, typed = box.value;
  const show = (open) => {
    list.hidden = !open;
    box.setAttribute("aria-expanded", String(open));
    if (!open) choose(-1);
  };
  const choose = (n) => {
    chosen = n;
    [...list.children].forEach((row, k) => row.setAttribute("aria-selected", String(k === n)));
    if (n < 0) box.removeAttribute("aria-activedescendant");
    else box.setAttribute("aria-activedescendant", list.children[n].id);
  };
  const take = (row) => {
    box.value = row.dataset.text;
    show(false);
    box.form.requestSubmit();
  };
  const fill = (suggestions) => {
    list.replaceChildren(...suggestions.map((one, n) => {
      const row = document.createElement("li");
      const text = document.createElement("span");
      const kind = document.createElement("small");
      row.id = `suggestion-${n}`;
      row.dataset.text = text.textContent = one.text;
      kind.textContent = { own: "you searched", query: "searched before", title: "product" }[one.kind] || one.kind;
      row.setAttribute("role", "option");
      row.append(text, kind);
      row.addEventListener("pointerdown", (event) => { event.preventDefault(); take(row); });
      return row;
    }));
    choose(-1);
    show(suggestions.length > 0 && document.activeElement === box);
  };
  const ask = async () => {
    if (asking) asking.abort();
    const mine = asking = new AbortController();
    try {
      const address = `/suggest?${new URLSearchParams({ ...who, q: typed })}`;
      const answer = await fetch(address, { signal: mine.signal });
      const told = answer.ok ? await answer.json() : { suggestions: [] };
      if (mine === asking) fill(told.suggestions);
    } catch (error) {
      if (error.name !== "AbortError") fill([]);
    }
  };
  box.addEventListener("input", () => {
    typed = box.value;
    clearTimeout(timer);
    if (typed.trim()) timer = setTimeout(ask, 80);
    else { if (asking) asking.abort(); show(false); }
  });
  box.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const places = list.children.length + 1;  // one of them is what was typed
      choose((chosen + 1 + step + places) % places - 1);
      box.value = chosen < 0 ? typed : list.children[chosen].dataset.text;
    } else if (event.key === "Escape") {
      event.preventDefault();
      box.value = typed;
      show(false);
    }
  });
  box.addEventListener("blur", () => { clearTimeout(timer); show(false); });
  box.form.addEventListener("submit", () => { clearTimeout(timer); if (asking) asking.abort(); });
})();

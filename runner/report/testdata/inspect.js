// Looks at a page as it is shown now, and returns what is wrong with it as a list of sentences.
(() => {
  const wrong = [];
  const all = [...document.querySelectorAll("body *")];
  if (document.scripts.length) wrong.push(`it has ${document.scripts.length} scripts`);
  if (!document.querySelector("h1")?.innerText.trim()) wrong.push("it has no heading");
  if (!document.documentElement.lang) wrong.push("it does not say its language");
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) {
    const who = all.filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, .trace, .unseen"));
    wrong.push(`it is ${wide} wide in a window of ${innerWidth}: ${who.slice(0, 3).map(e => e.outerHTML.slice(0, 80))}`);
  }
  const ids = new Set();
  for (const e of document.querySelectorAll("[id]")) {
    if (ids.has(e.id)) wrong.push(`two have the id ${e.id}`);
    ids.add(e.id);
  }
  for (const a of document.querySelectorAll("[href^='#']")) {
    if (!ids.has(a.getAttribute("href").slice(1))) wrong.push(`nothing has the id of ${a.getAttribute("href")}`);
  }
  for (const a of document.querySelectorAll("[aria-labelledby]")) {
    if (!ids.has(a.getAttribute("aria-labelledby"))) wrong.push(`nothing has the id ${a.getAttribute("aria-labelledby")}`);
  }
  for (const bar of document.querySelectorAll(".track .bar")) {
    const b = bar.getBoundingClientRect(), t = bar.parentElement.getBoundingClientRect();
    if (b.left < t.left - 1 || b.right > t.right + 5 || b.width < 1) {
      wrong.push(`a bar is outside its track: ${bar.outerHTML}`);
    }
  }
  for (const e of all) { // a keyboard has to reach what can be scrolled
    if (e.scrollWidth > e.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(e).overflowX) && e.tabIndex < 0) {
      wrong.push(`a keyboard cannot scroll ${e.outerHTML.slice(0, 80)}`);
    }
  }

  const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
      if (c[3] > 0) wrong.push(`a ground shows through: ${e.outerHTML.slice(0, 80)}`);
    }
    return [255, 255, 255];
  };
  const seen = new Set();
  for (const e of all) {
    const says = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!says || !e.checkVisibility({contentVisibilityAuto: true}) || e.closest(".unseen, svg")) continue;
    const s = getComputedStyle(e), back = ground(e), size = parseFloat(s.fontSize);
    const [a, b] = [light(parse(s.color)), light(back)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05), large = size >= 24 || size >= 18.66 && s.fontWeight >= 700;
    const what = `${e.tagName}.${e.className} ${s.color} on rgb(${back})`;
    if (contrast < (large ? 3 : 4.5) && !seen.has(what)) {
      seen.add(what);
      wrong.push(`contrast ${contrast.toFixed(2)} of ${what}: ${e.innerText.slice(0, 30)}`);
    }
    if (size < 11) wrong.push(`${size}px is too small: ${what}`);
  }
  return wrong;
})()

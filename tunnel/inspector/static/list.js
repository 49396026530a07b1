// Knows the list on the screen: a few dozen rows that show whatever part of the reel is in sight, and which one is active.

import { fill, make } from "./dom.js";
import { emptyRow, fillRow, headings, tick } from "./row.js";

const SPARE = 8; // rows drawn beyond both edges

export class List {
  /** `place` is the grid, `reel` holds the rows, `open(id)` is called for the one that is chosen. */
  constructor(place, reel, { open, moved, scrolled }) {
    this._place = place;
    this._reel = reel;
    this._open = open;
    this._moved = moved;
    this._scrolled = scrolled;
    this._pool = [];
    this._hosts = new Set();
    this._drawing = 0;
    this._anchor = null; // the row at the upper edge, and how far it is cut: it stays where it is
    this.active = null;
    this.marked = null;
    this._body = make("div", { role: "rowgroup", class: "rows" });
    fill(place, make("div", { role: "rowgroup", class: "heading-group" }, headings()), this._body);
    place.addEventListener("scroll", () => this.draw(), { passive: true });
    place.addEventListener("keydown", (event) => this._key(event));
    this._body.addEventListener("click", (event) => this._click(event));
    new ResizeObserver(() => { this._pool = []; this._body.replaceChildren(); this.draw(); }).observe(place);
    setInterval(() => this._tick(), 200);
  }

  /** Draw before the next frame. */
  draw() {
    this._drawing ||= requestAnimationFrame(() => { this._drawing = 0; this._draw(); });
  }

  /** Forget what was in sight: another filter. */
  toTop() {
    this._anchor = null;
    this._hosts.clear();
    this._place.scrollTop = 0;
    this.draw();
  }

  /** The places that are in sight. */
  get inSight() {
    const first = Math.floor(this._place.scrollTop / this._height());
    return [first, first + Math.ceil(this._place.clientHeight / this._height()) + 1];
  }

  get followsNewest() { return this._place.scrollTop < 4; }

  focus() { this._place.focus({ preventScroll: true }); }

  /** The rows changed: keep in place what is looked at, unless the newest is. */
  changed() {
    for (const row of this._reel.rows) if (this._hosts.size < 2) this._hosts.add(row.host);
    if (this._anchor && !this.followsNewest) {
      const index = this._reel.indexOf(this._anchor.id);
      const height = this._height();
      if (index >= 0 && index !== this._anchor.index) {
        this._size(height);
        this._place.scrollTop += (index - this._anchor.index) * height;
        this._anchor.index = index;
      }
    }
    this.draw();
  }

  /** Make an exchange the active one and bring it into sight. */
  activate(id, { scroll = true } = {}) {
    this.active = id;
    const index = this._reel.indexOf(id);
    if (scroll && index >= 0) this._show(index);
    this._draw();
  }

  /** Move the active row; return the exchange that is active now, or null where there is none to move to. */
  move(step) {
    const now = this.active === null ? -1 : this._reel.indexOf(this.active);
    const first = Math.floor(this._place.scrollTop / this._height());
    const index = now < 0 ? first : Math.max(0, Math.min(this._reel.total - 1, now + step));
    return this._moveTo(index);
  }

  _moveTo(index) {
    const summary = this._reel.at(index);
    if (!summary) {
      this._show(index);
      this._wanted = index; // it is being read; it becomes active when it is here
      this.draw();
      return null;
    }
    this.activate(summary.id);
    this._moved(summary.id);
    return summary.id;
  }

  _height() {
    return parseFloat(getComputedStyle(this._body).getPropertyValue("--row")) || 28;
  }

  _size(height) {
    const wanted = `${this._reel.total * height}px`;
    if (this._body.style.height !== wanted) this._body.style.height = wanted;
  }

  _show(index) {
    const height = this._height();
    const inSight = this._place.clientHeight - this._body.offsetTop;
    this._size(height);
    const top = index * height;
    if (top < this._place.scrollTop) this._place.scrollTop = top;
    else if (top + height > this._place.scrollTop + inSight) this._place.scrollTop = top + height - inSight;
  }

  _draw() {
    const height = this._height();
    const { total } = this._reel;
    this._size(height);
    const first = Math.max(0, Math.floor(this._place.scrollTop / height) - SPARE);
    const last = Math.min(total, Math.ceil((this._place.scrollTop + this._place.clientHeight) / height) + SPARE);
    const wanted = Math.ceil(this._place.clientHeight / height) + 2 * SPARE + 2;
    while (this._pool.length < wanted) {
      const row = emptyRow(`row-${this._pool.length}`);
      this._pool.push(row);
      this._body.append(row);
    }
    this._reel.need(first, last);
    if (this._wanted !== undefined && this._reel.at(this._wanted)) {
      const index = this._wanted;
      this._wanted = undefined;
      this._moveTo(index);
      return;
    }
    const shown = new Set();
    let activeRow = "";
    for (let index = first; index < last; index += 1) {
      const row = this._pool[index % this._pool.length];
      shown.add(row);
      const summary = this._reel.at(index);
      if (this._fill(row, index, summary, height)) activeRow = row.id;
    }
    for (const row of this._pool) if (!shown.has(row) && !row.hidden) { row.hidden = true; row.said = ""; }
    this._place.setAttribute("aria-rowcount", total + 1);
    if (activeRow) this._place.setAttribute("aria-activedescendant", activeRow);
    else this._place.removeAttribute("aria-activedescendant");
    const edge = Math.floor(this._place.scrollTop / height);
    const top = this._reel.at(edge);
    this._anchor = top ? { id: top.id, index: edge } : null;
    this._scrolled();
  }

  _fill(row, index, summary, height) {
    const active = Boolean(summary) && summary.id === this.active;
    const marked = Boolean(summary) && summary.id === this.marked;
    const severalHosts = this._hosts.size > 1;
    const says = `${index} ${summary?.id} ${summary?.revision} ${active} ${marked} ${severalHosts}`;
    if (row.said !== says) {
      row.said = says;
      row.hidden = false;
      row.summary = summary;
      row.style.transform = `translateY(${index * height}px)`;
      row.setAttribute("aria-rowindex", index + 2);
      fillRow(row, summary, { host: severalHosts, marked, active });
    }
    return active;
  }

  _tick() {
    for (const row of this._pool) if (!row.hidden && row.summary?.state === "running") tick(row, row.summary);
  }

  _click(event) {
    const row = event.target.closest(".row");
    if (!row?.summary) return;
    this.activate(row.summary.id, { scroll: false });
    this._open(row.summary.id, { byKey: false });
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this._place.clientHeight / this._height()) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    if (event.key in steps) this.move(steps[event.key]);
    else if (event.key === "Home") this._moveTo(0);
    else if (event.key === "End") this._reel.end().then(() => this._moveTo(this._reel.total - 1));
    else if (event.key === "Enter" && this.active !== null) this._open(this.active, { byKey: true });
    else return;
    event.preventDefault();
  }
}

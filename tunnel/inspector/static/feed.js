// Knows the live feed: what is told as it happens, that something was missed, and that the feed was lost and is tried again.

import * as api from "./api.js";

const SOON = 500, LATE = 5000; // milliseconds between two attempts

export class Feed {
  /** `told` has onexchange(summary), onmissed(count), onback() after a loss, and onstate("live" | "lost", error or null). */
  constructor(told) {
    this._told = told;
    this._source = null;
    this._again = 0;
    this._wait = SOON;
    this._lost = false;
    this._filter = "";
    this._revision = null;
  }

  /** Follow what matches a filter, from a revision on. */
  follow(filter, revision) {
    this.stop();
    this._filter = filter;
    this._revision = revision;
    this._open();
  }

  stop() {
    clearTimeout(this._again);
    this._source?.close();
    this._source = null;
  }

  /** Go on from where it was stopped, if it was followed before. */
  goOn() {
    if (!this._source && this._revision !== null) this._open();
  }

  _open() {
    const source = new EventSource(api.feedPath(this._filter, this._revision));
    this._source = source;
    source.addEventListener("open", () => this._opened());
    source.addEventListener("hello", (event) => {
      const { revision } = JSON.parse(event.data);
      if (revision < this._revision) this._told.onmissed(0); // another store, or a cleared one: all is new
      this._revision = revision < this._revision ? revision : this._revision;
    });
    source.addEventListener("exchange", (event) => {
      const summary = JSON.parse(event.data);
      this._revision = Math.max(this._revision, summary.revision);
      this._told.onexchange(summary);
    });
    source.addEventListener("missed", (event) => this._told.onmissed(JSON.parse(event.data).count));
    source.addEventListener("error", () => this._failed(source));
  }

  _opened() {
    this._wait = SOON;
    this._told.onstate("live", null);
    if (this._lost) this._told.onback();
    this._lost = false;
  }

  /** An EventSource does not say why it failed, and would ask again from where it first began: so we ask ourselves. */
  async _failed(source) {
    source.close();
    if (source !== this._source) return;
    this._lost = true;
    this._told.onstate("lost", null);
    let error = null;
    try { await api.status(); } catch (caught) { error = caught; }
    if (source !== this._source) return;
    this._told.onstate("lost", error);
    this._again = setTimeout(() => this._open(), this._wait);
    this._wait = Math.min(LATE, this._wait * 2);
  }
}

// Knows which part of a long list is held: one unbroken window of it, a bounded number of rows, newest first.
// The API can say what lies below an id, and no more. So a place far away is guessed by its id, and mended once an end is met.

const PAGE = 100; // rows asked for at once
const MOST = 1000; // rows held
const AHEAD = 60; // rows that should be here before they are seen
const LATE = new Error("the list is another one by now");

export class Reel {
  /** `read(before, limit)` answers a page; `changed()` is called whenever there is something to draw. */
  constructor(read, changed, trouble) {
    this._read = read;
    this._changed = changed;
    this._trouble = trouble;
    this._floor = null; // no id at or below it exists, as far as is known
    this._busy = false;
    this._turn = 0; // answers to an earlier filter are not for us
    this.clear();
  }

  clear() {
    this._turn += 1;
    this._busy = false;
    this.rows = [];
    this.start = 0; // the place of rows[0] in the whole
    this.total = 0;
    this.atTop = false;
    this.atEnd = false;
    this.loaded = false;
  }

  /** Read the newest page anew; return its answer, or null if it came too late or not at all. */
  async begin({ filtered = false } = {}) {
    this._turn += 1;
    return this._alone(async (ask) => {
      const page = await ask(null);
      this.rows = page.exchanges;
      this.start = 0;
      this.atTop = true;
      this.atEnd = page.next === null;
      this.total = this.atEnd ? this.rows.length : Math.max(page.total, this.rows.length + 1);
      this.loaded = true;
      if (!filtered && this.rows.length) this._floor = Math.max(0, this.rows[0].id - this.total);
      return page;
    });
  }

  at(index) { return this.rows[index - this.start]; }
  first() { return this.rows[0]; }

  /** The place of an exchange in the whole, or -1 where it is not held. */
  indexOf(id) {
    const at = this._place(id);
    return this.rows[at]?.id === id ? this.start + at : -1;
  }

  /** Take what the feed told: a new exchange or a newer state of one. Return "new", "known" or "elsewhere". */
  take(summary) {
    const at = this._place(summary.id);
    if (this.rows[at]?.id === summary.id) {
      if (summary.revision >= this.rows[at].revision) this.rows[at] = summary;
      return "known";
    }
    if (at === this.rows.length && !this.atEnd) return "elsewhere"; // below the window: perhaps known there
    this.total += 1;
    if (at === 0 && !this.atTop) {
      this.start += 1;
      return "new";
    }
    this.rows.splice(at, 0, summary);
    this._trim(false);
    return "new";
  }

  /** Some that are new, or newer states of these, were missed: what is above is not known any more. */
  missed(count) {
    this.atTop = false;
    this.start += count;
    this.total += count;
  }

  /** Read the rows between two places anew. */
  refresh(from, to) {
    const first = this.at(Math.max(this.start, from));
    if (!first) return null;
    return this._alone(async (ask) => {
      for (let before = first.id + 1, left = to - from; before !== null && left > 0; left -= PAGE) {
        const page = await ask(before);
        for (const row of page.exchanges) {
          const at = this._place(row.id);
          if (this.rows[at]?.id === row.id) this.rows[at] = row;
        }
        before = page.next;
      }
    });
  }

  /** See that the rows from one place to another are here, or on their way. */
  need(from, to) {
    if (this._busy || !this.loaded || !this.total) return;
    const end = this.start + this.rows.length;
    if (to >= this.total && !this.atEnd && from > end + PAGE) this.end();
    else if (!this.rows.length || from > end + PAGE || to < this.start - PAGE) this._jump(from);
    else if (to + AHEAD > end && !this.atEnd) this._below();
    else if (from - AHEAD < this.start && !this.atTop) this._above();
  }

  /** Do one thing at a time; what it finds counts only if the list is still the same. */
  _alone(read) {
    this._doing = this._do(read);
    return this._doing;
  }

  async _do(read) {
    const turn = this._turn;
    this._busy = true;
    try {
      const ask = async (before) => {
        const page = await this._read(before, PAGE);
        if (turn !== this._turn) throw LATE;
        return page;
      };
      const page = await read(ask);
      this._busy = false;
      this._changed();
      return page;
    } catch (error) {
      if (turn !== this._turn) return null;
      this._busy = false;
      if (error !== LATE) this._trouble(error);
      return null;
    }
  }

  _below() {
    return this._alone(async (ask) => {
      const page = await ask(this.rows.at(-1).id);
      const last = this.rows.at(-1).id; // the feed may have told of more meanwhile
      this.rows.push(...page.exchanges.filter((row) => row.id < last));
      this.atEnd = page.next === null;
      if (this.atEnd) this._floor = this.rows.at(-1).id - 1;
      this._measure();
      this._trim(true);
    });
  }

  /** Read upwards: guess an id that lies a page higher, and read down from it until the window is met. */
  _above() {
    return this._alone(async (ask) => {
      const low = this.rows[0].id;
      const apart = Math.max(1, low - this.rows.at(-1).id) / Math.max(1, this.rows.length);
      const higher = low + Math.ceil(apart * (PAGE - 10)) + 1;
      let found = [], before = higher, fromTop = false, met = false, moved = false;
      for (let pages = 0; pages < MOST / PAGE && !met; pages += 1) {
        if (!found.length && before > (this._newest ?? 0)) [before, fromTop] = [null, true];
        const page = await ask(before);
        const newer = page.exchanges.filter((row) => row.id > low);
        met = newer.length < page.exchanges.length || page.next === null;
        if (before === null) this._top = page.exchanges[0]?.id ?? 0;
        if (before === null && !met && !moved) [before, fromTop, moved] = [higher, false, true]; // the top has moved away
        else if (met && !newer.length && !fromTop) [before, met] = [low + (before - low) * 4, false]; // sparse here: further up
        else {
          found.push(...newer);
          before = page.exchanges.at(-1)?.id ?? 0;
        }
      }
      if (met && found.length && found.at(-1).id < this.rows[0].id) return; // the feed was faster
      if (!met) this.rows = []; // too far away to be joined: one window, without a gap in it
      this.rows = [...found, ...this.rows];
      this.atTop = fromTop;
      this.start = fromTop ? 0 : Math.max(1, this.start - found.length);
      this._measure();
      this._trim(false);
    });
  }

  /** Guess the id at a place, and make the window anew there. */
  _jump(index) {
    return this._alone(async (ask) => {
      for (let tries = 0; tries < 12; tries += 1) {
        const guess = this._guess(Math.max(0, index - AHEAD));
        const page = await ask(guess);
        if (!page.exchanges.length) { // below all there is
          this._floor = guess ?? 0;
          if (guess === null) return;
          continue;
        }
        this.rows = page.exchanges;
        this.atTop = guess === null;
        this.atEnd = page.next === null;
        this.start = this.atTop ? 0 : Math.max(1, index - AHEAD);
        if (this.atEnd) {
          this._floor = this.rows.at(-1).id - 1;
          this.start = Math.max(0, this.total - this.rows.length);
        }
        this._measure();
        return;
      }
    });
  }

  /** Hold the oldest there are. Where the end lies nobody says: it is between an id without any below it, and one that exists. */
  async end() {
    await this._doing;
    if (this.atEnd || !this.rows.length) return;
    await this._alone(async (ask) => {
      let empty = 0, known = this.rows.at(-1).id;
      let guess = Math.max(2, Math.min(known, (this._floor ?? 0) + PAGE));
      for (let tries = 0; tries < 60; tries += 1) {
        const page = await ask(guess);
        if (page.exchanges.length) known = page.exchanges.at(-1).id;
        else empty = guess - 1;
        if (page.exchanges.length && page.next === null) {
          this.rows = page.exchanges;
          this.atTop = false;
          this.atEnd = true;
          this._floor = known - 1;
          this.start = Math.max(1, this.total - this.rows.length);
          this._measure();
          return;
        }
        guess = known - empty <= 2 * PAGE ? known : Math.ceil((known + empty) / 2) + 1;
      }
    });
  }

  _guess(index) {
    if (index <= 0) return null;
    const points = [[0, this._newest ?? this.rows[0]?.id ?? 1], [this.total, this._floor ?? 0]];
    if (this.rows.length && this.start > 0) points.push([this.start, this.rows[0].id]);
    if (this.rows.length) points.push([this.start + this.rows.length - 1, this.rows.at(-1).id]);
    points.sort((a, b) => a[0] - b[0]);
    let left = points[0], right = points.at(-1);
    for (const point of points) {
      if (point[0] <= index && point[0] >= left[0]) left = point;
      if (point[0] >= index && point[0] <= right[0]) right = point;
    }
    const part = right[0] === left[0] ? 0 : (index - left[0]) / (right[0] - left[0]);
    return Math.max(1, Math.round(left[1] + (right[1] - left[1]) * part) + 1);
  }

  get _newest() {
    if (this.atTop && this.rows.length) this._top = this.rows[0].id;
    return this._top;
  }

  _measure() {
    const end = this.start + this.rows.length;
    this.total = this.atEnd ? end : Math.max(this.total, end + 1);
  }

  _trim(fromTop) {
    void this._newest; // remembered before the top is let go of
    const over = this.rows.length - MOST;
    if (over <= 0) return;
    if (fromTop) {
      this.rows.splice(0, over);
      this.start += over;
      this.atTop = false;
    } else {
      this.rows.length = MOST;
      this.atEnd = false;
    }
  }

  /** The first place in the window whose id is not above this one. */
  _place(id) {
    let low = 0, high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle].id > id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

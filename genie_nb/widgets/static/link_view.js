// The page's side of the link view: it takes numbered frames and says which one it has.
// What came over the wire is hostile: it is only ever set as text.

const SVG = "http://www.w3.org/2000/svg";
const ACK_MS = 60, ASK_MS = 500, DWELL_MS = 450;
const LONG = 50, TAIL = 30; // a long text always shows its tail, where the news is
const ROWS = 400, STRIP_S = 30, BIN_S = 0.25;
const PATIENCE = 2.5; // heartbeats that may be missed before the client takes the link for lost

// Every word that is shown comes from `link_labels`. The states and moves of `link_log.MOVES`: where each box stands, and how each arrow runs and ends.
const BOXES = { closed: [62, 38], opening: [232, 38], open: [402, 38], lost: [317, 122] };
const ARROWS = [
  ["closed", "opening", "open", "M106 38H184", [188, 38, 0], [146, 31, "middle"]],
  ["opening", "open", "accepted", "M276 38H354", [358, 38, 0], [316, 31, "middle"]],
  ["opening", "lost", "refused", "M250 55L293 101", [296, 104, 47], [284, 80, "start"]],
  ["open", "lost", "silence break", "M402 55C402 98 390 122 366 122", [361, 122, 180], [402, 98, "start"]],
  ["lost", "opening", "retry", "M273 122C243 122 224 100 224 60", [224, 55, -90], [217, 92, "end"]],
  ["open", "closed", "done", "M402 21C402 -8 62 -8 62 16", [62, 21, 90], [232, -6, "middle"]],
  ["lost", "closed", "give_up", "M273 130C150 146 62 124 62 60", [62, 55, -90], [112, 140, "middle"]],
];
const COUNTERS = ["bytes", "events", "heartbeats", "reconnects", "joined", "pending"];
const FAULTS = ["cut", "delay", "stall", "freeze"];
const COLUMNS = ["at", "size", "event", "id", "text"];
const KEYS = ["data", "beat", "gone"];

class Page {
  constructor() {
    Object.assign(this, { views: new Set(), n: 0, asked: 0, rows: [], faulty: false, state: null, moves: [] });
  }

  connect(model) {
    this.model = model;
    this.words = model.get("words");
    this.load(model.get("snapshot"));
    model.on("msg:custom", (message) => this.receive(message));
    model.on("change:snapshot", () => this.load(model.get("snapshot")));
    model.send({ type: "hello", n: this.n });
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const timer = setInterval(() => this.views.forEach((view) => view.tick()), still ? 500 : 100);
    return () => clearInterval(timer);
  }

  receive(message) {
    if (message.type === "snapshot") this.load(message);
    else if (message.type === "frame" && message.n === this.n + 1) this.take(message);
    else if (message.n > this.n) this.ask();
    else this.acknowledge();
  }

  load(snapshot) {
    if (!snapshot || (this.n && snapshot.n < this.n)) return;
    this.rows = [];
    this.faulty = snapshot.faulty;
    this.views.forEach((view) => view.clear());
    this.take({ moves: [[snapshot.now, snapshot.state]], ...snapshot });
  }

  take(frame) {
    this.n = frame.n;
    this.state = frame;
    const now = performance.now();
    this.zero = now - frame.now * 1000;
    this.byteAt = now - frame.silent * 1000;
    const rows = [];
    for (const row of frame.rows) {
      const last = rows.at(-1) || this.rows.at(-1);
      if (last && row[0] > last[0] + 1) rows.push([row[0] - 1, row[1], 0, "left", "", "", 0, row[0] - last[0] - 1, false, ""]);
      rows.push(row);
    }
    this.rows = [...this.rows, ...rows].slice(-ROWS);
    this.views.forEach((view) => view.take(rows, frame.moves));
    this.acknowledge();
  }

  acknowledge() {
    if (this.acknowledging) return;
    this.acknowledging = true;
    setTimeout(() => requestAnimationFrame(() => {
      this.acknowledging = false;
      this.model.send({ type: "ack", n: this.n });
    }), ACK_MS);
  }

  ask() {
    if (performance.now() - this.asked < ASK_MS) return;
    this.asked = performance.now();
    this.model.send({ type: "gap", n: this.n });
  }
}

class View {
  constructor(page, el) {
    Object.assign(this, { page, el, words: page.words, moves: [], movedAt: 0 });
    this.root = make("section", "gl", el, { "aria-label": this.words.link, lang: this.words.lang });
    this.head();
    const top = make("div", "gl-top", this.root);
    this.machine(top);
    this.silence(top);
    this.strip();
    this.counters();
    this.faults();
    this.table();
    this.show("closed");
    if (page.state) this.take(page.rows, [[0, page.state.state]]);
  }

  head() {
    const head = make("div", "gl-head", this.root);
    this.word = make("span", "gl-word", head, { role: "status" });
    this.since = make("span", "gl-soft", head);
    this.place = make("span", "gl-place", head);
  }

  machine(parent) {
    const svg = draw("svg", parent, { class: "gl-machine", viewBox: "0 -18 516 164", role: "img", "aria-label": this.words.machine });
    this.arrows = ARROWS.map(([from, to, moves, path, [x, y, turn], [lx, ly, anchor]]) => {
      const arrow = draw("g", svg, { class: "gl-arrow" });
      draw("path", arrow, { d: path });
      draw("path", arrow, { class: "gl-tip", d: "M-7 -4L0 0L-7 4Z", transform: `translate(${x} ${y}) rotate(${turn})` });
      draw("text", arrow, { x: lx, y: ly, "text-anchor": anchor }).textContent =
        moves.split(" ").map((move) => this.words[`move_${move}`]).join(", ");
      return { from, to, arrow };
    });
    this.boxes = Object.entries(BOXES).map(([state, [x, y]]) => {
      const box = draw("g", svg, { class: "gl-box", "data-box": state });
      draw("rect", box, { x: x - 44, y: y - 17, width: 88, height: 34, rx: 8 });
      draw("text", box, { x, y: y + 4.5, "text-anchor": "middle" }).textContent = this.words[state];
      return { state, box };
    });
  }

  silence(parent) {
    const panel = make("div", "gl-silence", parent);
    const line = make("div", "gl-line", panel);
    this.heart = make("span", "gl-heart", line, { "aria-hidden": "true" });
    this.heart.addEventListener("animationend", () => this.heart.classList.remove("gl-beats"));
    this.number = make("span", "gl-number", line);
    make("span", "gl-soft", line).textContent = this.words.since_byte;
    const meter = make("div", "gl-meter", panel, { "aria-hidden": "true" });
    this.fill = make("div", "gl-fill", meter);
    this.mark = make("div", "gl-mark", meter);
    const scale = make("div", "gl-scale gl-soft", panel);
    this.due = make("span", "gl-due", scale);
    this.end = make("span", "gl-end", scale);
    this.says = make("p", "gl-says", panel);
  }

  strip() {
    const box = make("div", "gl-strip", this.root);
    this.svg = draw("svg", box, { viewBox: "0 0 120 40", preserveAspectRatio: "none", "aria-hidden": "true" });
    const scale = make("div", "gl-scale gl-soft", box);
    make("span", "", scale).textContent = say(this.words.ago, { s: STRIP_S });
    const key = make("span", "gl-key", scale);
    for (const name of KEYS) {
      make("i", `gl-key-${name}`, key);
      key.append(this.words[`key_${name}`]);
    }
    this.edge = make("span", "", scale);
  }

  counters() {
    const list = make("dl", "gl-counters", this.root);
    this.counts = COUNTERS.map((name) => {
      const item = make("div", "", list, { title: this.words[`count_${name}_means`] });
      make("dt", "gl-soft", item).textContent = this.words[`count_${name}`];
      return [name, make("dd", "", item, { "data-count": name })];
    });
  }

  faults() {
    const group = make("div", "gl-faults", this.root, { role: "group", "aria-label": this.words.faults });
    this.buttons = FAULTS.map((name) => {
      const button = make("button", "gl-fault", group, { type: "button", "data-fault": name });
      make("b", "", button).textContent = this.words[`fault_${name}`];
      make("span", "gl-soft", button).textContent = this.words[`fault_${name}_means`];
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        this.page.model.send({ type: "fault", name, on });
        if (name !== "cut") button.setAttribute("aria-pressed", String(on));
      });
      return [name, button];
    });
  }

  table() {
    this.scroller = make("div", "gl-rows", this.root, { tabindex: "0", role: "region", "aria-label": this.words.frames });
    const table = make("table", "", this.scroller);
    const head = make("tr", "", make("thead", "", table));
    for (const name of COLUMNS) {
      make("th", `gl-${name}`, head, { scope: "col" }).textContent = this.words[`column_${name}`];
    }
    this.body = make("tbody", "", table);
  }

  clear() {
    this.body.replaceChildren();
  }

  take(rows, moves) {
    const { state, faulty } = this.page;
    const follows = this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < 12;
    this.body.append(...rows.map((row) => line(row, this.words)));
    while (this.body.childElementCount > ROWS) this.body.firstElementChild.remove();
    if (follows) this.scroller.scrollTop = this.scroller.scrollHeight;
    if (rows.some((row) => row[3] === "beat")) this.pulse();
    this.moves.push(...moves.map(([, to]) => to));
    for (const [name, value] of this.counts) value.textContent = number(state.counts[name]);
    for (const [name, button] of this.buttons) {
      button.disabled = !faulty;
      button.title = faulty ? "" : this.words.no_server;
      if (name !== "cut") button.setAttribute("aria-pressed", String(Boolean(state.faults?.[name])));
    }
    const which = state.opened > 1 ? `${say(this.words.connection, { n: state.opened })}  ·  ` : "";
    this.place.textContent = state.last ? which + say(this.words.last_event, { n: lastEvent(state) }) : "";
    this.place.title = state.last || "";
    this.tick();
  }

  pulse() {
    this.heart.classList.remove("gl-beats");
    void this.heart.offsetWidth; // begins the animation anew
    this.heart.classList.add("gl-beats");
  }

  // A state is lit long enough to be seen, however short it was; many in a row are walked through faster.
  walk() {
    const dwell = DWELL_MS / Math.max(1, this.moves.length - 2);
    if (!this.moves.length || performance.now() - this.movedAt < dwell) return;
    this.movedAt = performance.now();
    this.show(this.moves.shift());
  }

  show(state) {
    const before = this.root.dataset.state;
    if (state === before) return;
    this.root.dataset.state = state;
    this.boxes.forEach((one) => one.box.classList.toggle("gl-lit", one.state === state));
    this.arrows.forEach((one) => one.arrow.classList.toggle("gl-lit", one.from === before && one.to === state));
    this.word.textContent = this.words[state];
  }

  tick() {
    this.walk();
    const { state, rows, byteAt, zero } = this.page;
    if (!state) return;
    const now = performance.now(), at = (now - zero) / 1000;
    const live = state.state === "open", beat = state.beat;
    const silent = live ? Math.max(0, (now - byteAt) / 1000) : 0;
    const part = live && beat ? silent / beat : 0;
    set(this.number, live ? `${silent.toFixed(1)} s` : "–");
    this.fill.style.transform = `scaleX(${Math.min(part / PATIENCE, 1)})`;
    this.root.dataset.silence = part > 1.25 ? "long" : part > 1 ? "due" : "";
    this.mark.style.left = `${100 / PATIENCE}%`;
    this.due.style.left = `${100 / PATIENCE}%`;
    set(this.due, beat ? say(this.words.beat_at, { s: number(beat) }) : "");
    set(this.end, beat ? say(this.words.lost_at, { s: number(beat * PATIENCE) }) : "");
    set(this.says, says(state, rows.at(-1), silent, at, this.words));
    set(this.edge, state.state === "closed" && rows.length ? this.words.end : this.words.now);
    const tick = Math.floor(at / BIN_S);
    if (tick !== this.ticked || !live) this.paint(rows, at, live);
    this.ticked = tick;
  }

  paint(rows, at, live) {
    const last = Math.floor((live || this.page.state.state !== "closed" ? at : rows.at(-1)?.[1] || 0) / BIN_S);
    if (last === this.painted && rows.at(-1)?.[0] === this.paintedRow) return;
    this.painted = last;
    this.paintedRow = rows.at(-1)?.[0];
    const bins = STRIP_S / BIN_S, first = last - bins + 1, marks = [];
    const bytes = new Map(), beats = new Set();
    let goneFrom = null;
    const gone = (from, to) => {
      if (to > first) marks.push(["rect", { class: "gl-gone", x: Math.max(from - first, 0), y: 0, width: to - Math.max(from, first), height: 40 }]);
    };
    for (const row of rows) {
      const bin = Math.floor(row[1] / BIN_S);
      if (row[3] === "link") {
        if (row[4] === "lost") goneFrom ??= bin;
        else if (goneFrom !== null) { gone(goneFrom, Math.max(bin, goneFrom + 1)); goneFrom = null; }
      } else if (bin < first) continue;
      else if (row[3] === "beat") beats.add(bin);
      else if (row[3] === "frame") bytes.set(bin, (bytes.get(bin) || 0) + row[2]);
    }
    if (goneFrom !== null && this.page.state.state !== "closed") gone(goneFrom, last + 1);
    for (const [bin, size] of bytes) {
      const height = Math.min(4 + 5 * Math.log2(1 + size / 64), 36);
      marks.push(["rect", { class: "gl-data", x: bin - first + 0.15, y: 39 - height, width: 0.7, height }]);
    }
    for (const bin of beats) marks.push(["rect", { class: "gl-beat", x: bin - first + 0.05, y: 24, width: 0.9, height: 15 }]);
    this.svg.replaceChildren();
    for (const [tag, attributes] of marks) draw(tag, this.svg, attributes);
  }
}

function says(state, row, silent, at, words) {
  const n = state.last ? lastEvent(state) : "";
  switch (state.state) {
    case "closed":
      if (!state.began) return words.says_none;
      return row?.[4] === "lost" ? words.says_given_up : words.says_ended;
    case "opening":
      return n ? say(words.says_asking_after, { n }) : words.says_asking;
    case "lost":
      return say(n ? words.says_lost_after : words.says_lost, { s: Math.max(state.retry - at, 0).toFixed(1), n });
  }
  const beat = state.beat;
  if (!beat) return silent < 1 ? words.says_lives : words.says_quiet;
  if (silent > beat * 1.25) return words.says_dead;
  if (row?.[3] === "beat") return words.says_beat;
  if (silent > beat * 0.5) return say(words.says_quiet_until, { s: number(beat) });
  return words.says_lives;
}

function line([, at, size, kind, event, id, seq, pieces, again, text], words) {
  const row = make("tr", `gl-${kind}${kind === "link" ? ` gl-${event}` : ""}${again ? " gl-again" : ""}`);
  if (kind === "left") {
    make("td", "gl-soft", row, { colspan: "5" }).textContent = say(words.left, { n: number(pieces) });
    return row;
  }
  make("td", "gl-at", row).textContent = at.toFixed(3);
  if (kind === "link") {
    make("td", "", row);
    make("td", "gl-event", row).textContent = words[event];
    make("td", "gl-said", row, { colspan: "2", title: text }).textContent = text;
    return row;
  }
  const name = kind === "beat" ? words.heartbeat : event;
  make("td", "gl-size", row).textContent = number(size);
  make("td", "gl-event", row, { title: name }).textContent = name;
  const numbers = seq && pieces > 1 ? `#${seq - pieces + 1}–${seq}` : seq ? `#${seq}` : "";
  make("td", "gl-id", row, { title: again ? say(words.again, { id }) : id }).textContent = numbers;
  const cell = make("td", "gl-text", row, { title: text });
  const data = make("div", "", cell);
  make("span", "gl-begin", data).textContent = text.length > LONG ? text.slice(0, -TAIL) : text;
  if (text.length > LONG) make("span", "gl-rest", data).textContent = text.slice(-TAIL);
  return row;
}

function lastEvent(state) {
  return state.last.split(".").at(-1);
}

function say(label, values) {
  return label.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function make(tag, name, parent, attributes = {}) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
}

function draw(tag, parent, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function number(value) {
  return value === null || value === undefined ? "–" : value.toLocaleString("en", { maximumFractionDigits: 2 });
}

export default () => {
  const page = new Page();
  return {
    initialize: ({ model }) => page.connect(model),
    render({ el }) {
      const view = new View(page, el);
      page.views.add(view);
      return () => page.views.delete(view);
    },
  };
};

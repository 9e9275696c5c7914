// The page's side of the live view: it applies numbered frames of patches and says which one it has.
// All HTML here passed the gate in Python; every other text is set as text. The patches are described in nodes.py.

const TAGS = new Set([
  "button", "details", "div", "input", "li", "p", "pre", "span", "strong", "summary", "textarea", "ul",
]);
const ATTRIBUTES = new Set([
  "aria-busy", "aria-hidden", "aria-label", "aria-level", "class", "id", "lang", "placeholder", "popover", "popovertarget",
  "role", "spellcheck", "tabindex", "title", "type",
]);
const ACK_MS = 60;
const ASK_MS = 500;
const SILENT_S = 3;
const PLACE_MS = 1500;
const TAIL_CHARACTERS = 1200;
const TAIL_LINES = 7;

class Page {
  constructor() {
    this.views = new Set();
    this.labels = {};
    this.asked = 0;
    this.reset();
  }

  reset() {
    this.n = 0;
    this.nodes = new Map([["page", { key: "page", tag: "div", attributes: {}, text: "", html: "", children: new Set() }]]);
  }

  connect(model) {
    this.model = model;
    this.load(model.get("snapshot"));
    model.on("msg:custom", (message, buffers) => this.receive(message, buffers));
    model.on("change:snapshot", () => this.load(model.get("snapshot")));
    model.send({ type: "hello", n: this.n });
    this.timer = setInterval(() => this.views.forEach((view) => view.tick()), 500);
    return () => clearInterval(this.timer);
  }

  receive(message, buffers) {
    switch (message.type) {
      case "frame":
        if (message.n === this.n + 1) this.take(message);
        else if (message.n > this.n + 1) this.ask();
        break;
      case "snapshot": return this.load(message);
      case "at":
        if (message.n > this.n) this.ask();
        else this.acknowledge();
        break;
      case "where":
        this.model.send({ type: "place", shown: this.views.size > 0 });
        break;
      case "preview": return this.views.forEach((view) => view.preview(message.key, message.html));
      case "undecided": return this.views.forEach((view) => view.undecided(message.call, message.why));
      case "download": return save(message.name, buffers);
      case "parcel":
      case "piece": return this.views.forEach((view) => view.unpack(message, buffers));
    }
  }

  load(snapshot) {
    if (!snapshot || (this.n && snapshot.n <= this.n)) return; // it may come late, when frames have already told all
    this.reset();
    this.views.forEach((view) => view.reset());
    this.n = snapshot.n - 1;
    this.take(snapshot);
  }

  take(frame) {
    this.n = frame.n;
    if (frame.leave) this.views.forEach((view) => { view.leaving = true; });
    if (frame.labels) this.labels = frame.labels;
    if (frame.live) this.live = frame.live;
    this.liveAt = frame.live ? performance.now() : this.liveAt;
    this.silentSince = performance.now() - (frame.live ? frame.live.silent * 1000 : 0);
    for (const patch of frame.p || []) this.patch(patch);
    this.views.forEach((view) => view.tick());
    this.acknowledge();
  }

  patch([kind, key, ...rest]) {
    const node = this.nodes.get(key);
    switch (kind) {
      case "+": {
        const [parent, tag, attributes, before] = rest;
        if (!TAGS.has(tag)) return;
        this.nodes.set(key, { key, parent, tag, attributes, text: "", html: "", children: new Set() });
        insert(this.nodes.get(parent).children, key, before);
        break;
      }
      case "-":
        this.nodes.get(node.parent).children.delete(key);
        this.forget(key);
        break;
      case ">":
        this.nodes.get(node.parent).children.delete(key);
        node.parent = rest[0];
        insert(this.nodes.get(node.parent).children, key, rest[1]);
        break;
      case "=":
        Object.assign(node.attributes, rest[0]);
        break;
      case "t":
        node.text += rest[0];
        break;
      case "T":
        node.text = rest[0];
        break;
      case "h":
        node.html = node.html.slice(0, rest[0]) + rest[1];
        break;
    }
    this.views.forEach((view) => view.patch(kind, key, node || this.nodes.get(key), rest));
  }

  forget(key) {
    this.nodes.get(key).children.forEach((child) => this.forget(child));
    this.nodes.delete(key);
  }

  // Said after the browser had time to paint: a slow or hidden page lags and is sent less.
  acknowledge() {
    if (!this.model || this.acknowledging) return;
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
  constructor(page, model, el) {
    Object.assign(this, { page, model, el, byHand: new WeakSet(), stuck: true, top: 0 });
    el.classList.add("gnb-view");
    el.addEventListener("click", (event) => this.click(event));
    el.addEventListener("toggle", (event) => this.toggled(event.target), true);
    el.addEventListener("scroll", (event) => this.scrolled(event.target), true);
    el.addEventListener("keydown", (event) => {
      if (event.target.matches("textarea, input")) event.stopPropagation(); // what is typed is no command of the notebook
      else if (event.key === "Escape" && this.running && !this.root.querySelector(":popover-open")) this.cancel(event);
    });
    this.reset();
    this.build("page");
    this.tick();
  }

  get running() {
    return ["pending", "running"].includes(this.page.live?.status);
  }

  reset() {
    this.root = document.createElement("div");
    this.dom = new Map([["page", this.root]]);
    this.el.replaceChildren(this.root);
  }

  build(key) {
    const node = this.page.nodes.get(key);
    if (key !== "page") this.add(node);
    if (node.text) this.dom.get(key).textContent = node.text;
    if (node.html) this.dom.get(key).innerHTML = node.html;
    node.children.forEach((child) => this.build(child));
  }

  add(node, before) {
    const element = document.createElement(node.tag);
    element.dataset.key = node.key;
    this.dom.set(node.key, element);
    this.set(element, node.attributes);
    this.dom.get(node.parent).insertBefore(element, this.dom.get(before) || null);
  }

  set(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "data-open") {
        if (!this.byHand.has(element)) element.open = value === "1";
      } else if (ATTRIBUTES.has(name) || name.startsWith("data-")) {
        if (value === null) element.removeAttribute(name);
        else element.setAttribute(name, value);
      }
    }
  }

  patch(kind, key, node, rest) {
    if (kind === "+") return this.add(node, rest[3]);
    const element = this.dom.get(key);
    if (kind === "-") {
      element.remove();
      this.dom.delete(key);
    } else if (kind === ">") this.dom.get(node.parent).insertBefore(element, this.dom.get(rest[1]) || null);
    else if (kind === "=") this.set(element, rest[0]);
    else if (kind === "h") element.innerHTML = node.html;
    else if (kind === "T") element.textContent = node.text;
    else if (kind === "t") this.append(element, rest[0]);
  }

  append(element, text) {
    const follows = element.classList.contains("gnb-out") && atEnd(element);
    const last = element.lastChild;
    if (last && last.nodeType === Node.TEXT_NODE && last.length < 4000) last.appendData(text);
    else element.append(text);
    if (follows) element.scrollTop = element.scrollHeight;
  }

  tick() {
    const { live, labels, liveAt, silentSince } = this.page;
    if (!live) return;
    const now = performance.now();
    const since = this.running ? (now - liveAt) / 1000 : 0;
    this.fill("clock", live.elapsed === undefined ? "" : clock(live.elapsed + since));
    this.fill("pulse", pulse(live, labels, since, (now - silentSince) / 1000));
    if (this.running) this.follow();
    this.showTail();
    this.keepStage();
    this.keepPlace();
  }

  // What goes on now: the end of the text that grows, which stands whole in the work.
  showTail() {
    const shown = this.dom.get("now.o");
    if (!shown) return;
    const grows = this.dom.get(this.page.nodes.get("now.o").attributes["data-tail"]);
    const text = grows ? tail(grows) : "";
    if (shown.textContent !== text) shown.textContent = text;
    const chart = this.dom.get("now.g"), from = this.page.nodes.get("now.g").attributes["data-copy"];
    if (chart.dataset.shown === from) return;
    chart.dataset.shown = from;
    chart.innerHTML = this.page.nodes.get(from)?.html || "";
  }

  // The place of the answer never shrinks while the run works: what turns out to be a thought leaves without a jump.
  keepStage() {
    const stage = this.dom.get("stage");
    if (stage && !this.running && this.el.closest(".gnb-chat")) stage.style.minHeight = ""; // no record takes its place
    if (!stage || !this.running || stage.offsetHeight <= (this.stage || 0)) return;
    this.stage = stage.offsetHeight;
    stage.style.minHeight = `${this.stage}px`;
  }

  // Nothing jumps: this view stays until its record is drawn, or the page keeps its height while it is being drawn.
  keepPlace() {
    const area = this.el.closest(".jp-OutputArea");
    if (!area || this.place) return;
    this.place = area;
    const sizes = new ResizeObserver(() => { if (this.el.isConnected) this.height = area.offsetHeight; });
    const watch = new MutationObserver(() => {
      if (this.leaving && area.querySelector(".gnb-record")) this.el.style.display = "none";
      if (this.el.isConnected) return;
      [sizes, watch].forEach((observer) => observer.disconnect());
      area.style.minHeight = `${this.height}px`;
      setTimeout(() => { area.style.minHeight = ""; }, PLACE_MS);
    });
    sizes.observe(area);
    watch.observe(area, { childList: true, subtree: true });
  }

  // The window of the work stays at its end while it grows, unless somebody has scrolled up.
  follow() {
    const work = this.dom.get("work.i");
    if (work && this.stuck) work.scrollTop = work.scrollHeight;
  }

  scrolled(element) {
    if (element !== this.dom.get("work.i")) return;
    if (atEnd(element)) this.stuck = true;
    else if (element.scrollTop < this.top - 1) this.stuck = false;
    this.top = element.scrollTop;
  }

  fill(name, text) {
    const element = this.root.querySelector(`[data-fill=${name}]`);
    if (element && element.textContent !== text) element.textContent = text;
  }

  click(event) {
    const summary = event.target.closest("summary");
    const button = event.target.closest("[data-action]");
    if (button?.dataset.action === "cancel") this.cancel(event);
    else if (button?.dataset.action === "decide") this.decide(button);
    else if (button?.dataset.action === "zip") this.pack(button);
    else if (button?.dataset.action === "download") {
      event.preventDefault();
      this.want("download", button.closest(".gnb-file"));
    } else if (summary) {
      this.byHand.add(summary.parentElement);
      this.stuck = this.stuck && !summary.closest("[data-key='work.i']");
    }
  }

  cancel(event) {
    event.preventDefault();
    event.stopPropagation();
    const button = this.root.querySelector("[data-action=cancel]");
    if (!button || button.disabled) return;
    button.disabled = true;
    button.textContent = this.page.labels.stopping;
    this.model.send({ type: "cancel" });
  }

  decide(button) {
    const question = button.closest(".gnb-question");
    const buttons = question.querySelectorAll("button");
    if ([...buttons].some((other) => other.disabled)) return;
    buttons.forEach((other) => { other.disabled = true; });
    this.model.send({
      type: "decide",
      call: question.dataset.call,
      verdict: button.dataset.verdict,
      text: question.querySelector("textarea").value,
      reason: question.querySelector("input").value,
    });
  }

  undecided(call, why) {
    const question = [...this.root.querySelectorAll(".gnb-question")].find((one) => one.dataset.call === call);
    if (!question) return;
    question.querySelectorAll("button").forEach((button) => { button.disabled = false; });
    question.firstElementChild.textContent = why;
  }

  toggled(details) {
    if (details.open && details.matches(".gnb-file") && !details.dataset.asked) {
      details.dataset.asked = "1";
      details.lastElementChild.textContent = this.page.labels.loading;
      this.want("preview", details);
    }
  }

  // All files come as one archive, in pieces: the next is asked for when one is there.
  pack(button) {
    const id = Math.random().toString(36).slice(2);
    this.parcel = { id, size: 0, length: 0, pieces: [], button, words: button.textContent };
    button.disabled = true;
    this.tellParcel("");
    button.textContent = this.page.labels.packing;
    this.model.send({ type: "zip", id });
  }

  unpack(message, buffers) {
    const parcel = this.parcel;
    if (!parcel || parcel.id !== message.id) return;
    if (message.type === "parcel") parcel.size = message.size;
    else if (message.at === parcel.length) {
      parcel.pieces.push(buffers[0]);
      parcel.length += buffers[0].byteLength;
    }
    if (message.type === "parcel" && message.why) this.tellParcel(message.why);
    else if (parcel.length < parcel.size) return this.model.send({ type: "piece", id: parcel.id, at: parcel.length });
    else save("files.zip", parcel.pieces);
    Object.assign(parcel.button, { disabled: false, textContent: parcel.words });
    this.parcel = null;
  }

  tellParcel(words) {
    const place = this.dom.get("files.m");
    if (place) place.textContent = words;
  }

  want(type, file) {
    this.model.send({ type, name: file.dataset.name, key: file.dataset.key });
  }

  preview(key, html) {
    const file = this.dom.get(key);
    if (!file) return;
    file.lastElementChild.innerHTML = html;
    file.dataset.asked = "1";
    file.open = true;
  }
}

function insert(keys, key, before) {
  const later = before ? [...keys].slice([...keys].indexOf(before)) : [];
  later.forEach((other) => keys.delete(other));
  [key, ...later].forEach((other) => keys.add(other));
}

function atEnd(element) {
  return element.scrollHeight - element.scrollTop - element.clientHeight < 8;
}

// The last lines of what an element says; its text is read from the end, as it may be very long.
function tail(element) {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let node = texts.root, text = "";
  while (node.lastChild) node = node.lastChild;
  texts.currentNode = node;
  if (node.nodeType !== Node.TEXT_NODE) node = texts.previousNode();
  for (; node && text.length < TAIL_CHARACTERS; node = texts.previousNode()) text = node.data + text;
  return text.slice(-TAIL_CHARACTERS).trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

function pulse(live, labels, since, silent) {
  const say = (label, values) => label.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  if (live.status !== "running") return "";
  if (live.waiting) {
    return say(labels.waiting, { why: live.waiting.why, s: Math.max(0, Math.ceil(live.waiting.left - since)) });
  }
  if (live.asked) return "";
  if (live.tool) {
    const age = Math.floor(live.tool.age + since);
    return age < SILENT_S ? "" : say(labels.tool, { name: live.tool.name, s: age });
  }
  return silent < SILENT_S ? "" : say(labels.silent, { s: Math.floor(silent) });
}

function save(name, pieces) {
  const address = URL.createObjectURL(new Blob(pieces, { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

export default () => {
  const page = new Page();
  return {
    initialize: ({ model }) => page.connect(model),
    render({ model, el }) {
      const view = new View(page, model, el);
      page.views.add(view);
      return () => page.views.delete(view);
    },
  };
};

// The page's side of the composer: what is typed and dropped goes to Python, files in pieces, one after the other.
// Every word from elsewhere is set as text.

const PIECE = 1 << 20;
const NEAR = 60;

class Uploads {
  constructor(model) {
    this.model = model;
    this.files = new Map();
  }

  add(file) {
    const id = Math.random().toString(36).slice(2);
    this.files.set(id, { file, at: 0 });
    this.model.send({ type: "file", id, name: file.name || "pasted", size: file.size });
  }

  // The next piece leaves when the last has come; gives the name of a file that cannot be read.
  async got(id, at) {
    const upload = this.files.get(id);
    if (!upload) return;
    upload.at = at;
    if (at >= upload.file.size) {
      this.files.delete(id);
      return;
    }
    try {
      const piece = await upload.file.slice(at, at + PIECE).arrayBuffer();
      this.model.send({ type: "piece", id, at }, undefined, [piece]);
    } catch {
      this.model.send({ type: "remove", id });
      this.files.delete(id);
      return upload.file.name;
    }
  }

  share(id, size) {
    const upload = this.files.get(id);
    return upload && size ? Math.floor((100 * upload.at) / size) : 100;
  }
}

class Composer {
  constructor(model, el) {
    Object.assign(this, { model, el, page: Math.random().toString(36).slice(2), uploads: new Uploads(model), stuck: true });
    this.build();
    this.listen();
    this.show();
  }

  build() {
    const make = (tag, look, attributes = {}) => {
      const element = document.createElement(tag);
      element.className = look;
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      return element;
    };
    const root = make("div", "gnb gnb-composer", { "data-lm-suppress-shortcuts": "true" });
    this.text = make("textarea", "gnb-ask-text", { rows: "1", spellcheck: "true" });
    this.list = make("ul", "gnb-ask-files");
    this.ideas = make("div", "gnb-ask-ideas", { role: "group" });
    this.pick = make("input", "gnb-hidden", { type: "file", multiple: "", tabindex: "-1", "aria-hidden": "true" });
    this.addButton = make("button", "gnb-button gnb-ask-add", { type: "button" });
    this.agent = make("select", "gnb-ask-select");
    this.mode = make("select", "gnb-ask-select");
    this.keys = make("span", "gnb-ask-keys", { "aria-hidden": "true" });
    this.askButton = make("button", "gnb-button gnb-ask-go", { type: "button" });
    this.stopButton = make("button", "gnb-button gnb-ask-stop", { type: "button" });
    this.why = make("div", "gnb-ask-why", { role: "alert" });
    this.status = make("div", "gnb-hidden", { role: "status" });
    this.drop = make("div", "gnb-ask-drop", { "aria-hidden": "true" });
    const bar = make("div", "gnb-ask-bar");
    bar.append(this.addButton, this.pick, this.agent, this.mode, this.keys, this.askButton, this.stopButton);
    root.append(this.list, this.text, this.ideas, bar, this.why, this.status, this.drop);
    this.root = root;
    this.el.replaceChildren(root);
  }

  listen() {
    this.text.addEventListener("input", () => { this.grow(); this.enable(); this.suggest(); });
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.addButton.addEventListener("click", () => this.pick.click());
    this.pick.addEventListener("change", () => { this.take(this.pick.files); this.pick.value = ""; });
    this.askButton.addEventListener("click", () => this.ask());
    this.stopButton.addEventListener("click", () => this.stop());
    this.text.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      this.take(event.clipboardData.files);
    });
    let inside = 0;
    const over = (event, on) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      event.stopPropagation();
      inside = Math.max(0, inside + on);
      this.root.classList.toggle("gnb-ask-over", inside > 0);
    };
    this.root.addEventListener("dragenter", (event) => over(event, 1));
    this.root.addEventListener("dragleave", (event) => over(event, -1));
    this.root.addEventListener("dragover", (event) => over(event, 0));
    this.root.addEventListener("drop", (event) => {
      over(event, -inside);
      this.take(event.dataTransfer.files);
    });
  }

  get words() {
    const { labels, lang } = this.model.get("state");
    return labels[lang || this.language];
  }

  get language() {
    return (document.documentElement.lang || navigator.language || "").toLowerCase().startsWith("zh") ? "zh" : "en";
  }

  get state() {
    return this.model.get("state");
  }

  // Enter asks, unless it ends a word of an input method; what is typed is no command of the notebook.
  key(event) {
    event.stopPropagation();
    if (event.key === "Escape" && this.state.running) {
      event.preventDefault();
      this.stop();
    } else if (event.target === this.text && ["ArrowUp", "ArrowDown"].includes(event.key)) {
      this.recall(event, event.key === "ArrowUp" ? -1 : 1);
    } else if (event.target === this.text && event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      this.ask();
    }
  }

  // Up and Down call earlier questions back, as long as nothing else is typed.
  recall(event, step) {
    const { asked } = this.state;
    const at = this.recalled ?? asked.length;
    if (this.text.value !== (asked[at] ?? "") || !(at + step in asked || at + step === asked.length)) return;
    event.preventDefault();
    this.recalled = at + step;
    this.write(asked[this.recalled] ?? "");
  }

  write(text) {
    this.text.value = text;
    this.text.setSelectionRange(text.length, text.length);
    this.grow();
    this.enable();
    this.suggest();
    this.text.focus();
  }

  // Questions that fit the files, as long as none is written.
  suggest() {
    const { files, running } = this.state;
    const language = this.state.lang || this.language;
    const fitting = files.flatMap((file) => file.questions[language] || []).slice(0, 3);
    const shown = running || this.text.value ? [] : fitting;
    this.ideas.setAttribute("aria-label", this.words.ideas);
    this.ideas.replaceChildren(...shown.map((question) => {
      const idea = document.createElement("button");
      Object.assign(idea, { type: "button", className: "gnb-button gnb-ask-idea", textContent: question });
      idea.addEventListener("click", () => this.write(question));
      return idea;
    }));
  }

  take(files) {
    this.why.textContent = "";
    const { files: chosen, most } = this.state;
    if (chosen.length + files.length > most) this.why.textContent = this.words.too_many.replace("{n}", most);
    else for (const file of files) this.uploads.add(file);
    this.text.focus();
  }

  ask() {
    if (this.askButton.disabled || this.asking) return;
    this.asking = this.stuck = true;
    this.why.textContent = "";
    const { value: agent } = this.agent;
    const mode = this.state.modes.length ? this.mode.value : "";
    this.model.send({ type: "ask", query: this.text.value, agent, mode, page: this.page });
    this.enable();
  }

  stop() {
    if (this.stopButton.disabled) return;
    this.stopButton.disabled = true;
    this.stopButton.textContent = this.words.stopping;
    this.model.send({ type: "stop" });
  }

  async receive(message) {
    if (message.type === "got") {
      const unreadable = await this.uploads.got(message.id, message.at);
      if (unreadable) this.why.textContent = this.words.folder.replace("{name}", unreadable);
      this.progress();
    } else if (message.page === this.page) {
      this.asking = false;
      this.recalled = undefined;
      if (message.type === "asked") this.text.value = "";
      else this.why.textContent = message.why;
      this.grow();
      this.enable();
      this.text.focus();
    }
  }

  show() {
    const { words, state } = this;
    const was = this.stopButton.hidden;
    this.root.lang = state.lang || "";
    this.text.setAttribute("aria-label", words.question);
    this.text.placeholder = state.lang ? words.next : words.first;
    this.list.setAttribute("aria-label", words.files);
    this.addButton.textContent = `+ ${words.add}`;
    this.keys.textContent = words.keys;
    this.drop.textContent = words.drop;
    this.askButton.textContent = words.ask;
    this.stopButton.textContent = words.stop;
    this.stopButton.disabled = false;
    this.askButton.hidden = state.running;
    this.stopButton.hidden = !state.running;
    if (was === state.running) this.status.textContent = state.running ? words.working : words.answered;
    this.options(this.agent, state.agents, state.agent, words.agent);
    this.options(this.mode, state.modes, "", words.mode);
    this.files();
    this.suggest();
    this.enable();
    this.follow();
  }

  options(select, names, chosen, label) {
    const { words } = this;
    const kept = names.includes(select.value) ? select.value : chosen || names[0];
    select.hidden = names.length < 2;
    select.title = label;
    select.setAttribute("aria-label", label);
    select.replaceChildren(...names.map((name) => new Option(words[name] || name, name)));
    if (names.length) select.value = kept;
  }

  files() {
    const known = new Map([...this.list.children].map((row) => [row.dataset.id, row]));
    const rows = this.state.files.map((file) => {
      const row = known.get(file.id) || this.row(file);
      const [name, about, size, remove] = row.children;
      name.textContent = name.title = file.name;
      about.textContent = about.title = file.why || file.about;
      row.classList.toggle("gnb-ask-refused", Boolean(file.why));
      row.dataset.size = file.size;
      row.dataset.whole = file.whole ? "1" : "";
      size.textContent = readable(file.size);
      remove.setAttribute("aria-label", this.words.remove.replace("{name}", file.name));
      return row;
    });
    this.list.replaceChildren(...rows);
    this.progress();
  }

  row(file) {
    const row = document.createElement("li");
    row.dataset.id = file.id;
    for (const look of ["gnb-file-name", "gnb-about", "gnb-size"]) {
      const part = document.createElement("span");
      part.className = look;
      row.append(part);
    }
    const remove = document.createElement("button");
    Object.assign(remove, { type: "button", className: "gnb-ask-remove", textContent: "×" });
    remove.addEventListener("click", () => {
      this.uploads.files.delete(file.id);
      this.model.send({ type: "remove", id: file.id });
      this.text.focus();
    });
    row.append(remove);
    return row;
  }

  progress() {
    for (const row of this.list.children) {
      if (row.dataset.whole) continue;
      const share = this.uploads.share(row.dataset.id, Number(row.dataset.size));
      row.children[1].textContent = share < 100 ? `${share} %` : this.words.looking;
    }
  }

  enable() {
    const waiting = this.state.files.some((file) => !file.whole);
    this.askButton.disabled = this.asking || waiting || !this.text.value.trim();
  }

  grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, 240)}px`;
  }

  // The conversation above stays at its end while it grows, unless somebody has scrolled up.
  follow() {
    if (this.chat?.isConnected) return;
    this.chat = this.el.closest(".gnb-askbox")?.querySelector(".gnb-chat");
    if (!this.chat) return requestAnimationFrame(() => this.el.isConnected && this.follow());
    const { chat } = this;
    chat.tabIndex = 0;
    chat.setAttribute("role", "feed");
    let top = 0;
    chat.addEventListener("scroll", () => {
      if (chat.scrollHeight - chat.scrollTop - chat.clientHeight < NEAR) this.stuck = true;
      else if (chat.scrollTop < top - 1) this.stuck = false; // it grows without a hand, too: only a way up is somebody's
      top = chat.scrollTop;
    });
    chat.addEventListener("click", (event) => { if (event.target.closest("summary")) this.stuck = false; });
    const follow = () => { if (this.stuck) chat.scrollTop = chat.scrollHeight; };
    this.sizes = new ResizeObserver(follow); // pictures grow when they are decoded
    this.watch = new MutationObserver(() => {
      for (const answer of chat.children) this.sizes.observe(answer);
      follow();
    });
    this.watch.observe(chat, { childList: true, subtree: true, characterData: true });
  }

  end() {
    this.watch?.disconnect();
    this.sizes?.disconnect();
  }
}

function readable(size) {
  if (size < 1000) return `${size} B`;
  if (size < 1e6) return `${(size / 1e3).toFixed(1)} kB`;
  return size < 1e9 ? `${(size / 1e6).toFixed(1)} MB` : `${(size / 1e9).toFixed(1)} GB`;
}

export default {
  render({ model, el }) {
    const composer = new Composer(model, el);
    const show = () => composer.show();
    const receive = (message) => composer.receive(message);
    model.on("change:state", show);
    model.on("msg:custom", receive);
    return () => {
      model.off("change:state", show);
      model.off("msg:custom", receive);
      composer.end();
    };
  },
};

// The picture with the traces on it: an SVG whose user space is the picture's own pixels. Zooming changes its viewBox.

const SVG = "http://www.w3.org/2000/svg";
const MOST_ZOOM = 40;
const STEP_S = 0.02, STEP_MV = 0.05, LARGE = 5; // of the cross by arrow keys

export class Viewer {
  /** `svg` holds image, `drawn` and `marked` groups. `on` has handlers: chosen(window), spanned(from, to), penned(points),
   *  said(text), left(). */
  constructor(svg, on) {
    Object.assign(this, { svg, on, size: [1, 1], windows: [], chosen: null, mode: "move", pen: [], cross: null, span: null });
    this.paper = svg.querySelector("image");
    this.drawn = svg.querySelector("#drawn");
    this.marked = svg.querySelector("#marked");
    this.box = { x: 0, y: 0, w: 1, h: 1 };
    this.pointers = new Map();
    svg.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    svg.addEventListener("pointerdown", (event) => this.#down(event));
    svg.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, (event) => this.#up(event));
    svg.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#show()).observe(svg);
  }

  /** Another picture, at `url`, of `size` pixels in which everything is measured. */
  picture(url, size) {
    this.paper.setAttribute("href", url);
    this.paper.setAttribute("width", size[0]);
    this.paper.setAttribute("height", size[1]);
    this.size = size;
    this.svg.style.aspectRatio = `${size[0]} / ${size[1]}`;
    this.fit();
  }

  /** The windows of a reading, or none. */
  reading(windows) {
    this.windows = windows;
    this.drawn.replaceChildren(...windows.map((window) => this.#window(window)));
    this.choose(windows[this.chosen] ? this.chosen : null);
  }

  /** Emphasise one window by its number, or none: null. */
  choose(number) {
    this.chosen = number;
    this.drawn.classList.toggle("one", number !== null);
    const lead = this.windows[number]?.lead;
    [...this.drawn.children].forEach((group, k) => group.classList.toggle("chosen", this.windows[k].lead === lead));
    this.cross = null;
    this.#mark();
  }

  /** `move`, `mark` or `draw`: what a pointer does. */
  act(mode) {
    this.mode = mode;
    this.svg.classList.toggle("mark", mode === "mark");
    this.svg.classList.toggle("draw", mode === "draw");
    if (mode !== "draw") this.clear();
  }

  /** Mark a stretch of the chosen window, in seconds; null for none. */
  stretch(span) {
    this.span = span;
    this.#mark();
  }

  /** Drop the line that is being drawn. */
  clear() {
    this.pen = [];
    this.cross = null;
    this.#mark();
    this.on.penned(this.pen);
  }

  fit() {
    this.box = { x: 0, y: 0, w: this.size[0], h: this.size[1] };
    this.#show();
  }

  /** Zoom by `factor` about a point of the picture, by default the middle of what is shown. */
  zoom(factor, at = { x: this.box.x + this.box.w / 2, y: this.box.y + this.box.h / 2 }) {
    const w = Math.min(Math.max(this.box.w / factor, this.size[0] / MOST_ZOOM), this.size[0] * 1.5);
    const kept = w / this.box.w;
    this.box = { x: at.x - (at.x - this.box.x) * kept, y: at.y - (at.y - this.box.y) * kept, w, h: this.box.h * kept };
    this.#show();
  }

  pan(dx, dy) {
    this.box.x += dx;
    this.box.y += dy;
    this.#show();
  }

  /** Show one window as large as it can be. */
  zoomTo(number) {
    const points = this.windows[number].axis.points;
    const xs = points.flatMap((p) => [p[0], p[2]]), ys = points.flatMap((p) => [p[1], p[3]]);
    const mv = Math.hypot(points[0][2] - points[0][0], points[0][3] - points[0][1]);
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys) - mv, Math.max(...ys) + 2 * mv];
    this.box = { x: left - mv, y: top, w: right - left + 2 * mv, h: bottom - top };
    this.#show();
  }

  // ---- drawing

  #window(window) {
    const group = element("g", { class: `lead-${window.lead}` });
    for (const band of window.unsure) group.append(element("path", { class: "unsure", d: `${path(band)}Z` }));
    for (const line of window.traces) group.append(element("path", { d: path(line) }));
    const [x0, y0, x1, y1] = window.axis.points[0];
    const name = element("text", { x: x0 + (x1 - x0) * 0.9, y: y0 + (y1 - y0) * 0.9 });
    name.textContent = window.lead;
    group.append(name);
    return group;
  }

  #show() {
    const { x, y, w, h } = this.box;
    const [width, height] = this.size;
    this.box.x = Math.min(Math.max(x, -w / 2), width - w / 2);
    this.box.y = Math.min(Math.max(y, -h / 2), height - h / 2);
    this.svg.setAttribute("viewBox", `${this.box.x} ${this.box.y} ${w} ${h}`);
    this.svg.style.setProperty("--u", this.#scale());
    this.#mark();
  }

  /** Picture pixels of one on the screen. */
  #scale() {
    const { clientWidth, clientHeight } = this.svg;
    return Math.max(this.box.w / (clientWidth || 1), this.box.h / (clientHeight || 1));
  }

  #mark() {
    const parts = [];
    const window = this.windows[this.chosen];
    if (window && this.span) {
      const [from, to] = this.span, low = [], high = [];
      for (let k = 0; k <= 20; k++) {
        const t = from + ((to - from) * k) / 20;
        low.push(...placeOf(window, t, -1));
        high.unshift(...pairs(placeOf(window, t, 1.5)));
      }
      parts.push(element("path", { class: "span", d: `${path([...low, ...high.flat()])}Z` }));
    }
    if (this.pen.length) parts.push(element("path", { class: "pen", d: path(this.pen.flat()) }));
    if (window && this.cross) {
      const [x, y] = placeOf(window, this.cross.t, this.cross.mv), r = 9 * this.#scale();
      parts.push(element("path", { class: "cross", d: `M${x - r} ${y}H${x + r}M${x} ${y - r}V${y + r}` }));
    }
    this.marked.replaceChildren(...parts);
  }

  // ---- pointers

  #at(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return { x: point.x, y: point.y };
  }

  #down(event) {
    if (event.button > 0) return;
    this.svg.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.#at(event));
    const at = this.#at(event);
    this.from = this.mode === "move" || this.pointers.size > 1 ? null : at;
    if (!this.from || !this.windows.length) return;
    if (this.chosen === null) this.on.chosen(nearest(this.windows, at));
    if (this.mode === "draw") {
      this.pen = [[at.x, at.y]];
      this.#mark();
    }
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const at = this.#at(event);
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      this.zoom(distance(at, other) / Math.max(distance(before, other), 1e-6), other);
    } else if (this.mode === "move") {
      this.pan(before.x - at.x, before.y - at.y);
    } else if (this.from && this.chosen !== null) {
      if (this.mode === "draw") this.#drawTo(at);
      else this.#spanTo(at);
    }
    this.pointers.set(event.pointerId, this.#at(event));
  }

  #up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.mode === "draw") this.on.penned(this.pen);
    this.from = null;
  }

  /** Draw on to a point. Going back rubs out what lies ahead, so that the line runs one way along the lead. */
  #drawTo(at) {
    const window = this.windows[this.chosen], t = timeAt(window, at);
    while (this.pen.length && timeAt(window, { x: this.pen.at(-1)[0], y: this.pen.at(-1)[1] }) >= t) this.pen.pop();
    this.pen.push([at.x, at.y]);
    this.#mark();
  }

  #spanTo(at) {
    const window = this.windows[this.chosen];
    const [one, other] = [timeAt(window, this.from), timeAt(window, at)];
    this.on.spanned(Math.min(one, other), Math.max(one, other));
  }

  #wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), this.#at(event));
  }

  // ---- keys

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const done = this.mode === "draw" && this.chosen !== null ? this.#penKey(event) : this.#viewKey(event);
    if (done || this.#zoomKey(event)) event.preventDefault();
  }

  #zoomKey(event) {
    if (event.key === "+" || event.key === "=") this.zoom(1.4);
    else if (event.key === "-") this.zoom(1 / 1.4);
    else if (event.key === "0") this.fit();
    else return false;
    return true;
  }

  #viewKey(event) {
    const [dx, dy] = ARROWS[event.key] || [0, 0];
    if (!dx && !dy) return false;
    const share = event.shiftKey ? 0.4 : 0.1;
    this.pan(dx * share * this.box.w, dy * share * this.box.h);
    return true;
  }

  #penKey(event) {
    const window = this.windows[this.chosen];
    const [dx, dy] = ARROWS[event.key] || [0, 0], times = event.shiftKey ? LARGE : 1;
    this.cross ??= { t: this.span?.[0] ?? window.start_s, mv: 0 };
    if (dx || dy) {
      this.cross.t = Math.min(Math.max(this.cross.t + dx * STEP_S * times, window.start_s), window.stop_s);
      this.cross.mv -= dy * STEP_MV * times;
    } else if (event.key === "Enter" || event.key === " ") {
      while (this.pen.length && timeAt(window, point(this.pen.at(-1))) >= this.cross.t - 1e-6) this.pen.pop();
      this.pen.push(placeOf(window, this.cross.t, this.cross.mv));
      this.on.penned(this.pen);
    } else if (event.key === "Backspace") {
      this.pen.pop();
      this.on.penned(this.pen);
    } else if (event.key === "Escape") {
      this.on.left();
    } else return false;
    this.#mark();
    if (event.key !== "Escape") {
      this.on.said(`${window.lead}, ${this.cross.t.toFixed(2)} s, ${this.cross.mv.toFixed(2)} mV, ${this.pen.length} points`);
    }
    return true;
  }
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Where a lead is printed at a time and height, in picture pixels. */
export function placeOf(window, t, mv) {
  const { points, step_s } = window.axis;
  const at = Math.min(Math.max((t - window.start_s) / step_s, 0), points.length - 1);
  const k = Math.min(Math.floor(at), points.length - 2), share = at - k;
  const [x0, y0, x1, y1] = points[k].map((value, i) => value + (points[k + 1][i] - value) * share);
  return [x0 + (x1 - x0) * mv, y0 + (y1 - y0) * mv];
}

/** The time of a window at a point of the picture: where the foot of the point on its line of 0 mV lies. */
export function timeAt(window, at) {
  const { points, step_s } = window.axis;
  let best = Infinity, found = window.start_s;
  for (let k = 0; k + 1 < points.length; k++) {
    const [ax, ay] = points[k], [bx, by] = points[k + 1];
    const length = (bx - ax) ** 2 + (by - ay) ** 2;
    const share = Math.min(Math.max(((at.x - ax) * (bx - ax) + (at.y - ay) * (by - ay)) / length, 0), 1);
    const off = Math.hypot(ax + (bx - ax) * share - at.x, ay + (by - ay) * share - at.y);
    if (off < best) [best, found] = [off, window.start_s + (k + share) * step_s];
  }
  return found;
}

function nearest(windows, at) {
  const off = windows.map((window) => {
    const [x, y] = placeOf(window, timeAt(window, at), 0);
    return Math.hypot(x - at.x, y - at.y);
  });
  return off.indexOf(Math.min(...off));
}

function path(values) {
  return pairs(values).map(([x, y], k) => `${k ? "L" : "M"}${x} ${y}`).join("");
}

function pairs(values) {
  return Array.from({ length: values.length / 2 }, (_, k) => [values[2 * k], values[2 * k + 1]]);
}

const point = ([x, y]) => ({ x, y });
const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

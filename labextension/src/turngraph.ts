// The causal graph of turns on the page: who read whom, as SVG that a mouse and a keyboard can select in.

import type { Cast } from "./cast";
import { element, setAttribute, setText } from "./dom";
import type { Selected } from "./selection";
import type { Model } from "./store";
import { MOST_EDGES, turnGraph, type TurnEdge, type TurnGraphData, type TurnNode } from "./turngraphdata";

const SVG = "http://www.w3.org/2000/svg";
const COLUMN = 46;
const ROW = 34;
const RADIUS = 10;
const REDRAW_MS = 250;

export class TurnGraph {
  readonly root = element("div", { class: "ap-turngraph", "data-testid": "turn-graph" });
  /** What is drawn, in words. */
  readonly legend = element("span", { class: "ap-graph-legend" });
  private readonly names = element("div", { class: "ap-turngraph-names", "aria-hidden": "true" });
  private readonly box = element("div", { class: "ap-turngraph-box" });
  private readonly svg = make("svg", { role: "group", "aria-label": "Turns, and who read whom" });
  private readonly arrow = `ap-arrow-${Math.random().toString(36).slice(2)}`; // several views have one each
  private readonly edges = make("g", {});
  private readonly nodes = make("g", {});
  private readonly circles = new Map<string, SVGElement>();
  private readonly paths = new Map<string, SVGElement>();
  private data: TurnGraphData = { nodes: new Map(), edges: [], columns: 0, whole: 0 };
  private latest: { model: Model; cast: Cast } | null = null;
  private drawn: { order: Model["order"]; bars: Model["bars"]; cast: Cast; sign: string } | null = null;
  private selected: Selected | null = null;
  private pause: ReturnType<typeof setTimeout> | null = null;

  constructor() {
    const arrow = make("marker", { id: this.arrow, viewBox: "0 0 6 6", refX: "4", refY: "3", markerWidth: "6", markerHeight: "6", markerUnits: "userSpaceOnUse", orient: "auto" });
    arrow.append(make("path", { class: "ap-arrow", d: "M0 0L6 3L0 6z" }));
    const defs = make("defs", {});
    defs.append(arrow);
    this.svg.append(defs, this.edges, this.nodes);
    this.box.append(this.svg);
    this.root.append(this.names, this.box);
    this.root.addEventListener("keydown", this.key);
  }

  update(model: Model, cast: Cast): void {
    this.latest = { model, cast };
    if (this.drawn === null) this.draw();
    else this.pause ??= setTimeout(this.draw, REDRAW_MS);
  }

  readonly select = (selected: Selected | null): void => {
    this.selected = selected;
    if (this.drawn === null) return;
    this.mark();
    if (selected !== null) this.reveal(selected.turn);
  };

  close(): void {
    if (this.pause !== null) clearTimeout(this.pause);
    this.root.removeEventListener("keydown", this.key);
  }

  private readonly draw = (): void => {
    this.pause = null;
    if (this.latest === null) return;
    const { model, cast } = this.latest;
    // Text grows all the time and is not drawn here.
    const sign = model.order.map((id) => `${model.turns.get(id)?.status ?? ""}${model.turns.get(id)?.causes.length ?? 0}`).join();
    if (this.drawn !== null && this.drawn.order === model.order && this.drawn.bars === model.bars && this.drawn.cast === cast && this.drawn.sign === sign) return;
    const atEnd = this.box.scrollLeft + this.box.clientWidth >= this.box.scrollWidth - COLUMN;
    this.data = turnGraph(model, cast);
    if (this.drawn?.cast !== cast) this.name(cast);
    const { nodes, columns, whole } = this.data;
    setAttribute(this.svg, "width", String(columns * COLUMN + RADIUS));
    setAttribute(this.svg, "height", String(cast.size * ROW));
    for (const [id, circle] of this.circles) {
      if (nodes.has(id)) continue;
      circle.remove();
      this.circles.delete(id);
    }
    const read = new Map<string, string[]>();
    for (const { source, target } of this.data.edges) read.set(target, [...(read.get(target) ?? []), nodes.get(source)?.turn.name ?? ""]);
    for (const [id, node] of nodes) this.node(id, node, cast, read.get(id) ?? []);
    this.drawn = { order: model.order, bars: model.bars, cast, sign };
    this.mark();
    const crowded = this.data.edges.length > MOST_EDGES ? "; arrows of the selected turn only" : "";
    setText(this.legend, `${nodes.size < whole ? `the last ${nodes.size} of ${whole} turns` : `${whole} turns`}, in time from left to right; arrows go from what was read to who read it${crowded}`);
    if (atEnd) this.box.scrollLeft = this.box.scrollWidth;
  };

  private name(cast: Cast): void {
    this.names.replaceChildren(
      ...[...cast.values()].map(({ agent, mark }) => {
        const row = element("div", { title: agent.name }, element("span", { class: "ap-swatch", "data-shape": mark.shape }), agent.name);
        row.style.setProperty("--ap-colour", mark.colour);
        return row;
      }),
    );
  }

  private node(id: string, { turn, column, row }: TurnNode, cast: Cast, read: readonly string[]): void {
    let circle = this.circles.get(id);
    if (circle === undefined) {
      circle = make("g", { class: "ap-node", role: "button", tabindex: "-1", "data-select": id });
      const number = turn.name.slice(turn.name.lastIndexOf("#") + 1);
      const label = make("text", { "text-anchor": "middle", dy: "0.35em" });
      label.textContent = number;
      const title = make("title", {});
      circle.append(title, make("circle", { r: String(RADIUS) }), label);
      circle.style.setProperty("--ap-colour", cast.get(turn.agent)?.mark.colour ?? "");
      this.circles.set(id, circle);
      this.nodes.append(circle);
    }
    setAttribute(circle, "data-status", turn.status);
    setAttribute(circle, "transform", `translate(${x(column)} ${y(row)})`);
    const told = `${turn.name}, ${turn.status}${read.length === 0 ? "" : `, came from ${read.join(", ")}`}`;
    setAttribute(circle, "aria-label", told);
    if (circle.firstChild !== null && circle.firstChild.textContent !== told) circle.firstChild.textContent = told;
  }

  /** Shows what is selected, and the edges that are drawn then. */
  private mark(): void {
    const { selected } = this;
    const near = (edge: TurnEdge): string | null => {
      if (selected === null) return null;
      if (selected.source !== null) return edge.source === selected.source && edge.target === selected.turn ? "in" : null;
      return edge.target === selected.turn ? "in" : edge.source === selected.turn ? "out" : null;
    };
    const crowded = this.data.edges.length > MOST_EDGES;
    const wanted = new Map(this.data.edges.filter((edge) => !crowded || near(edge) !== null).map((edge) => [`${edge.source} ${edge.target}`, edge]));
    for (const [key, path] of this.paths) {
      if (wanted.has(key)) continue;
      path.remove();
      this.paths.delete(key);
    }
    const touched = new Set<string>();
    for (const [key, edge] of wanted) {
      const role = near(edge);
      if (role !== null) touched.add(edge.source).add(edge.target);
      this.edge(key, edge, role);
    }
    const known = selected !== null && this.data.nodes.has(selected.turn);
    setAttribute(this.svg, "data-picked", known ? "" : null);
    const last = [...this.data.nodes.keys()].pop();
    for (const [id, circle] of this.circles) {
      const on = id === selected?.turn;
      setAttribute(circle, "aria-pressed", String(on));
      setAttribute(circle, "data-near", touched.has(id) ? "" : null);
      setAttribute(circle, "tabindex", id === (known ? selected?.turn : last) ? "0" : "-1");
    }
  }

  private edge(key: string, { source, target }: TurnEdge, role: string | null): void {
    const [from, to] = [this.data.nodes.get(source), this.data.nodes.get(target)];
    if (from === undefined || to === undefined) return;
    let path = this.paths.get(key);
    if (path === undefined) {
      path = make("g", { class: "ap-edge", "data-select": target, "data-source": source });
      const title = make("title", {});
      title.textContent = `${to.turn.name} read ${from.turn.name}`;
      path.append(title, make("path", { class: "ap-edge-hit" }), make("path", { class: "ap-edge-line", "marker-end": `url(#${this.arrow})` }));
      this.paths.set(key, path);
      this.edges.append(path);
    }
    const d = curve(from, to);
    for (const line of path.querySelectorAll("path")) setAttribute(line, "d", d);
    setAttribute(path, "data-role", role);
  }

  private reveal(id: string): void {
    const node = this.data.nodes.get(id);
    if (node === undefined) return;
    const [left, top] = [x(node.column), y(node.row)];
    const { box, root } = this;
    if (left - COLUMN < box.scrollLeft || left + COLUMN > box.scrollLeft + box.clientWidth) box.scrollLeft = left - box.clientWidth / 2;
    if (top - ROW < root.scrollTop || top + ROW > root.scrollTop + root.clientHeight) root.scrollTop = top - root.clientHeight / 2;
  }

  /** Arrows go to the turn before and after in time, and to the nearest of the agent above and below. */
  private readonly key = (event: KeyboardEvent): void => {
    const id = event.target instanceof Element ? event.target.closest<SVGElement>(".ap-node")?.dataset["select"] : undefined;
    const here = this.data.nodes.get(id ?? "");
    if (here === undefined || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
    const ids = [...this.data.nodes.keys()];
    const place = ids.indexOf(id ?? "");
    let next: string | undefined;
    if (event.key === "ArrowLeft") next = ids[place - 1];
    else if (event.key === "ArrowRight") next = ids[place + 1];
    else {
      const way = event.key === "ArrowUp" ? -1 : 1;
      const others = [...this.data.nodes].filter(([, node]) => Math.sign(node.row - here.row) === way);
      const far = ([, node]: (typeof others)[number]): number => Math.abs(node.row - here.row) * 1000 + Math.abs(node.column - here.column);
      next = others.sort((a, b) => far(a) - far(b))[0]?.[0];
    }
    if (next === undefined) return;
    this.circles.get(next)?.focus({ preventScroll: true });
    this.reveal(next);
  };
}

function x(column: number): number {
  return column * COLUMN + COLUMN / 2;
}

function y(row: number): number {
  return row * ROW + ROW / 2;
}

/** From one circle's edge to the other's; within a row, over those in between. */
function curve(from: TurnNode, to: TurnNode): string {
  const [x1, y1, x2, y2] = [x(from.column), y(from.row), x(to.column), y(to.row)];
  if (from.row === to.row) {
    const [a, b] = x1 <= x2 ? [x1 + RADIUS, x2 - RADIUS - 3] : [x1 - RADIUS, x2 + RADIUS + 3];
    const bend = Math.abs(to.column - from.column) <= 1 ? 0 : 15;
    return bend === 0 ? `M${a} ${y1}L${b} ${y2}` : `M${a} ${y1 - 4}C${a + 8} ${y1 - bend} ${b - 8} ${y2 - bend} ${b} ${y2 - 4}`;
  }
  if (to.column <= from.column) {
    const side = y2 > y1 ? 1 : -1;
    return `M${x1} ${y1 + side * RADIUS}C${x1} ${(y1 + y2) / 2} ${x2} ${(y1 + y2) / 2} ${x2} ${y2 - side * (RADIUS + 3)}`;
  }
  const bend = Math.max(14, (x2 - x1) / 3);
  return `M${x1 + RADIUS} ${y1}C${x1 + RADIUS + bend} ${y1} ${x2 - RADIUS - bend} ${y2} ${x2 - RADIUS - 3} ${y2}`;
}

function make<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Readonly<Record<string, string>>): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

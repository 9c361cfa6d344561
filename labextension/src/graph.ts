// The agent graph on the page, drawn with cytoscape.js.
//
// Nodes stand still: places are computed when members come or the box changes, and a node that its reader has
// moved stays there. What pulses is a DOM layer under the canvas, animated by the style sheet: the canvas is
// drawn only when something changed.

import cytoscape from "cytoscape";

import type { Cast, Member } from "./cast";
import { element, setAttribute } from "./dom";
import { CROWD, links, ring, type Place } from "./graphdata";
import { graphStyle } from "./graphstyle";
import { edgeKey, type Model } from "./store";

const REDRAW_MS = 250;
const FIRST_MS = 50;

/** Someone in the graph, and where an edge was pressed, whom they read. */
export type Pick = (agent: string, source: string | null) => void;

/** What of the graph is brought out: whose turn is selected, and whom that one read. */
export interface Chosen {
  readonly agent: string;
  readonly sources: ReadonlySet<string>;
}

export class Graph {
  readonly root = element("div", { class: "ap-graph", "data-testid": "graph", role: "img" });
  readonly legend = element("span", { class: "ap-graph-legend" }, "arrows go to who read: the wider, the more characters went into prompts");
  private readonly halos = element("div", { class: "ap-halos", "aria-hidden": "true" });
  private readonly canvas = element("div", { class: "ap-graph-canvas" });
  private readonly sizes = new ResizeObserver(() => this.resize());
  private readonly themes = new MutationObserver(() => this.theme());
  private readonly moved = new Set<string>();
  private cy: cytoscape.Core | null = null;
  private latest: { model: Model; cast: Cast } | null = null;
  private drawn = { nodes: "", edges: new Map() as Model["edges"], names: "" };
  private pause: ReturnType<typeof setTimeout> | null = null;

  private chosen: Chosen | null = null;

  constructor(private readonly pick: Pick) {
    this.root.append(this.halos, this.canvas);
    this.sizes.observe(this.root);
    // JupyterLab names its theme on the body.
    this.themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "data-jp-theme-light", "class"] });
  }

  update(model: Model, cast: Cast): void {
    this.latest = { model, cast };
    setAttribute(this.root, "data-size", cast.size > CROWD ? "crowd" : "few");
    setAttribute(this.root, "aria-label", describe(cast));
    // Drawing fifty nodes takes longer than a frame: a state that changes is shown soon, not at once, and words come first.
    if (this.cy !== null) this.pause ??= setTimeout(this.draw, this.drawn.names === "" ? FIRST_MS : REDRAW_MS);
  }

  /** Marks what is selected. */
  choose(chosen: Chosen | null): void {
    this.chosen = chosen;
    const { cy } = this;
    if (cy === null) return;
    cy.batch(() => {
      cy.elements().removeClass("chosen");
      if (chosen === null) return;
      cy.getElementById(chosen.agent).addClass("chosen");
      for (const source of chosen.sources) cy.getElementById(edgeKey(source, chosen.agent)).addClass("chosen");
    });
  }

  close(): void {
    this.sizes.disconnect();
    this.themes.disconnect();
    if (this.pause !== null) clearTimeout(this.pause);
    this.cy?.destroy();
    this.cy = null;
  }

  private readonly draw = (): void => {
    this.pause = null;
    if (this.cy === null || this.latest === null) return;
    const { model, cast } = this.latest;
    const names = [...cast.keys()].join("\n");
    const nodes = [...cast.values()].map(({ agent }) => `${agent.name} ${agent.state} ${agent.listens?.join() ?? "*"}`).join("\n");
    // Tokens and rates change all the time and are not drawn here.
    if (nodes === this.drawn.nodes && model.edges === this.drawn.edges) return;
    this.cy.batch(() => {
      this.nodes(cast);
      this.edges(model, cast);
    });
    if (names !== this.drawn.names) this.arrange();
    this.drawn = { nodes, edges: model.edges, names };
    this.halo(cast);
    this.choose(this.chosen);
  };

  /** Starts drawing once there is room to draw in: cytoscape cannot measure what is not shown. */
  private resize(): void {
    if (this.root.clientWidth === 0 || this.root.clientHeight === 0) return;
    if (this.cy === null) {
      this.cy = cytoscape({
        container: this.canvas,
        style: graphStyle(this.root),
        // A notebook's page scrolls with the wheel: the graph must not swallow it.
        userZoomingEnabled: false,
        userPanningEnabled: false,
        boxSelectionEnabled: false,
        autounselectify: true,
      });
      this.cy.on("dragfree", "node", (event) => this.moved.add((event.target as cytoscape.NodeSingular).id()));
      this.cy.on("position", "node", (event) => this.haloAt(event.target as cytoscape.NodeSingular));
      this.cy.on("mouseover", "node", (event) => this.point(event.target as cytoscape.NodeSingular));
      this.cy.on("tap", "node", (event) => this.pick((event.target as cytoscape.NodeSingular).id(), null));
      this.cy.on("tap", "edge", (event) => {
        const edge = event.target as cytoscape.EdgeSingular;
        this.pick(edge.target().id(), edge.source().id());
      });
      this.cy.on("mouseout", "node", () => this.cy?.elements().removeClass("near far"));
    } else {
      this.cy.resize();
      this.arrange();
    }
    if (this.latest !== null) this.update(this.latest.model, this.latest.cast);
  }

  private theme(): void {
    this.cy?.style(graphStyle(this.root));
  }

  private nodes(cast: Cast): void {
    const cy = this.cy as cytoscape.Core;
    cy.nodes().forEach((node) => {
      if (!cast.has(node.id())) node.remove();
    });
    for (const [name, member] of cast) {
      const data = nodeData(member);
      const node = cy.getElementById(name);
      if (node.empty()) cy.add({ group: "nodes", data: { id: name, ...data } });
      else if (node.data("state") !== data["state"] || node.data("kind") !== data["kind"]) node.data(data);
    }
  }

  private edges(model: Model, cast: Cast): void {
    const cy = this.cy as cytoscape.Core;
    const wanted = new Map(links(model, cast).map((link) => [link.id, link]));
    cy.edges().forEach((edge) => {
      if (!wanted.has(edge.id())) edge.remove();
    });
    const crowd = wanted.size > 40 ? 1 : 0;
    for (const link of wanted.values()) {
      const edge = cy.getElementById(link.id);
      if (edge.empty()) cy.add({ group: "edges", data: { ...link, crowd } });
      else if (edge.data("width") !== link.width || edge.data("chars") !== link.chars) edge.data({ ...link, crowd });
    }
  }

  private arrange(): void {
    const cy = this.cy as cytoscape.Core;
    const names = cy.nodes().map((node) => node.id());
    const places = ring(names, this.root.clientWidth, this.root.clientHeight);
    cy.batch(() => {
      for (const [name, place] of places) {
        const node = cy.getElementById(name);
        if (!this.moved.has(name)) node.position({ x: place.x, y: place.y });
        node.data(labelAt(place, places.size > CROWD));
      }
    });
  }

  /** Brings out one node's edges and puts the others back. */
  private point(node: cytoscape.NodeSingular): void {
    const near = node.closedNeighborhood();
    near.addClass("near");
    this.cy?.elements().difference(near).addClass("far");
  }

  private halo(cast: Cast): void {
    const speaking = [...cast.values()].filter(({ agent }) => agent.state === "speaking");
    const wanted = new Map(speaking.map((member) => [member.agent.name, member.mark.colour]));
    for (const halo of [...this.halos.children] as HTMLElement[]) {
      if (!wanted.delete(halo.dataset["agent"] ?? "")) halo.remove();
    }
    for (const [name, colour] of wanted) {
      const halo = element("span", { class: "ap-halo", "data-agent": name });
      halo.style.setProperty("--ap-colour", colour);
      this.halos.append(halo);
      const node = this.cy?.getElementById(name);
      if (node?.nonempty()) this.haloAt(node as cytoscape.NodeSingular);
    }
  }

  private haloAt(node: cytoscape.NodeSingular): void {
    const { x, y } = node.position();
    for (const halo of [...this.halos.children] as HTMLElement[]) {
      if (halo.dataset["agent"] === node.id()) halo.style.transform = `translate(${x}px, ${y}px)`;
    }
  }
}

function nodeData({ agent, mark }: Member): Record<string, string> {
  return { label: agent.name, state: agent.state, kind: agent.kind, colour: mark.colour, shape: mark.shape };
}

/** Where a node's label goes: under it, or outwards along the spoke and never upside down. */
function labelAt(place: Place, crowd: boolean): Record<string, number | string> {
  if (!crowd) return { turn: 0, dx: 0, dy: 6, halign: "center", valign: "bottom" };
  const flipped = Math.cos(place.angle) < -1e-6;
  return {
    turn: flipped ? place.angle + Math.PI : place.angle,
    outX: Math.cos(place.angle),
    outY: Math.sin(place.angle),
    halign: "center",
    valign: "center",
  };
}

/** The graph in words, for those who cannot see it. */
function describe(cast: Cast): string {
  const parts = [...cast.values()].map(({ agent }) =>
    agent.listens === null || agent.listens.length > 0
      ? `${agent.name} (${agent.state}) listens to ${agent.listens?.join(", ") ?? "everyone"}` : `${agent.name} (${agent.state})`,
  );
  return `Agents: ${parts.join("; ")}`;
}

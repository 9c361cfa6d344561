// How the graph looks. A canvas knows no CSS variables: colours are read from the page, again when its theme changes.

import type { NodeSingular, StylesheetStyle } from "cytoscape";

const FONT = 11;
const CROWD_FONT = 10;

/** Reads the theme's colours at `root` and makes the style sheet of the graph. */
export function graphStyle(root: Element): StylesheetStyle[] {
  const page = getComputedStyle(root);
  const ink = page.color;
  const paper = page.getPropertyValue("--jp-layout-color1").trim();
  const accent = page.getPropertyValue("--jp-brand-color1").trim() || "#1976d2";
  const failed = page.getPropertyValue("--jp-error-color1").trim() || "#d32f2f";
  return [
    {
      selector: "node",
      style: {
        width: 22,
        height: 22,
        shape: (node: NodeSingular) => node.data("shape"),
        "background-color": "data(colour)",
        "background-opacity": 0.9,
        "border-width": 0,
        label: "data(label)",
        color: ink,
        "font-family": page.fontFamily,
        "font-size": FONT,
        "text-valign": "bottom",
        "text-margin-y": 5,
        "text-max-width": "120px",
        "text-wrap": "ellipsis",
        // Names stay legible where edges cross them.
        ...(paper === "" ? {} : { "text-outline-color": paper, "text-outline-width": 2 }),
      },
    },
    {
      selector: "node[outX]",
      style: {
        width: 13,
        height: 13,
        "font-size": CROWD_FONT,
        "text-valign": "center",
        "text-halign": "center",
        "text-rotation": ((node: NodeSingular) => node.data("turn")) as unknown as "none",
        // The label's middle: beyond the node by half its own length.
        "text-margin-x": ((node: NodeSingular) => node.data("outX") * reach(node)) as unknown as number,
        "text-margin-y": ((node: NodeSingular) => node.data("outY") * reach(node)) as unknown as number,
        "text-max-width": "90px",
      },
    },
    { selector: "node[state = 'idle']", style: { "background-opacity": 0.55 } },
    { selector: "node[state = 'thinking']", style: { "border-width": 2, "border-style": "dashed", "border-color": ink } },
    { selector: "node[state = 'speaking']", style: { "background-opacity": 1, "border-width": 2, "border-color": ink, "font-weight": "bold" } },
    { selector: "node[state = 'retrying']", style: { "border-width": 2, "border-style": "dotted", "border-color": failed } },
    { selector: "node[state = 'failed']", style: { "background-opacity": 0.25, "border-width": 2.5, "border-color": failed, color: failed } },
    { selector: "node[state = 'done']", style: { "background-opacity": 0.4, "border-width": 1.5, "border-color": "data(colour)" } },
    {
      selector: "edge",
      style: {
        width: "data(width)",
        "line-color": ink,
        "line-opacity": 0.28,
        "curve-style": "bezier",
        "control-point-step-size": 26,
        "target-arrow-shape": "triangle",
        "target-arrow-color": ink,
        "arrow-scale": 0.8,
        // Beside the arrow's head: in the middle, labels of edges that cross would cover one another.
        "target-label": "data(label)",
        "target-text-offset": 64,
        color: ink,
        "text-opacity": 0.75,
        "font-family": page.fontFamily,
        "font-size": 9,
        "target-text-rotation": "autorotate",
        "target-text-margin-y": -7,
      },
    },
    { selector: "edge[chars = 0]", style: { "line-style": "dashed", "line-opacity": 0.16, "target-arrow-shape": "none" } },
    { selector: "edge[crowd = 1]", style: { "curve-style": "straight", "line-opacity": 0.14, "arrow-scale": 0.5, "target-label": "" } },
    { selector: "node.chosen", style: { "outline-width": 3, "outline-offset": 2, "outline-color": accent, "font-weight": "bold" } },
    { selector: "edge.chosen", style: { "line-opacity": 0.9, "line-color": accent, "target-arrow-color": accent, "target-label": "data(label)" } },
    { selector: "edge.near", style: { "line-opacity": 0.7, "target-label": "data(label)" } },
    { selector: "node.far", style: { opacity: 0.35 } },
    { selector: "edge.far", style: { opacity: 0.15 } },
  ];
}

/** Half a label's length and a gap, in pixels; a character is about 0.56 of the font's size wide. */
function reach(node: NodeSingular): number {
  const characters = Math.min(16, String(node.data("label")).length);
  return 12 + (characters * CROWD_FONT * 0.56) / 2;
}

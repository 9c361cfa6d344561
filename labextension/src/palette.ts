// One colour and one shape for each agent, the same in its lane, its node and the document.
//
// The hues are Okabe and Ito's (Color Universal Design, 2008) and Tol's (2021), without those that vanish on white
// or on black. After eight agents the hues begin again with another shape, so that no two of 56 look the same.

const COLOURS = ["#0083c9", "#e08a00", "#009e73", "#cc79a7", "#d55e00", "#46a9e0", "#98952f", "#a9559f"] as const;

/** Names of shapes, as cytoscape and the style sheet (`data-shape`) know them. */
export const SHAPES = ["ellipse", "rectangle", "diamond", "triangle", "pentagon", "hexagon", "star"] as const;
export type Shape = (typeof SHAPES)[number];

export interface Mark {
  readonly colour: string;
  readonly shape: Shape;
}

/** People are grey: the colours belong to the team. */
const PERSON: Mark = { colour: "#8a8f98", shape: "ellipse" };

/** The mark of the agent at a place in the team; null is a person. */
export function mark(index: number | null): Mark {
  if (index === null) return PERSON;
  return {
    colour: COLOURS[index % COLOURS.length] as string,
    shape: SHAPES[Math.floor(index / COLOURS.length) % SHAPES.length] as Shape,
  };
}

/** The notebook that the launcher's card opens: a first team, ready to run. */

const TEAM = `%%agents first
task: Plan the opening of a neighbourhood bakery.
turns: 2                          # most turns per agent
budget: {tokens: 20000, seconds: 120}
agents:
  planner: Drafts the plan, most important step first.
  critic:
    role: Names the weakest point of the plan and says why.
    listens: [planner]            # default: everyone
  treasurer: Says what things cost and what to save on.`;

export function template(): object {
  const cell = (kind: "code" | "markdown", source: string): object => ({
    cell_type: kind,
    metadata: {},
    source,
    ...(kind === "code" ? { execution_count: null, outputs: [] } : {}),
  });
  return {
    cells: [
      cell("markdown", "# A team of agents\n\nRun the cells from top to bottom (Shift+Enter). The panel at the left shows the pool that they share."),
      cell("code", "%load_ext agentpool_jupyter"),
      cell("code", TEAM),
      cell("code", "%pool first"),
    ],
    metadata: { kernelspec: { name: "python3", display_name: "Python 3", language: "python" }, language_info: { name: "python" } },
    nbformat: 4,
    nbformat_minor: 4,
  };
}

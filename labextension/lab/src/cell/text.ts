/** A cell's text: whether it is a team, and what of it is YAML. */

const MAGIC = /^\s*%%agents\b[^\n]*/;
const TEAM = /^(\{\s*)?["']?(task|agents)["']?\s*:/m;

/** Where the magic's own line ends; -1 where the cell is none of `%%agents`. */
export function magicEnd(text: string): number {
  return MAGIC.exec(text)?.[0].length ?? -1;
}

/** Whether a cell of `%%agents` describes a team; else it is a plain task, and all of it is text. */
export function isTeam(text: string): boolean {
  const end = magicEnd(text);
  return end >= 0 && TEAM.test(text.slice(end));
}

/** What stands for the braces of `{{name}}`, which are filled before the text is read. */
export const FILLED = "\ue000";

/** The YAML of a cell, every character at the place that it has in the cell. */
export function yamlOf(text: string): string {
  const end = Math.max(0, magicEnd(text));
  const body = text.slice(end).replace(/\{\{(\s*[A-Za-z_]\w*\s*)\}\}/g, (_, name: string) => FILLED.repeat(2) + name.replace(/\s/g, "_") + FILLED.repeat(2));
  return text.slice(0, end).replace(/[^\n]/g, " ") + body;
}

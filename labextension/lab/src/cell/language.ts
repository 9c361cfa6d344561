/** YAML in cells of `%%agents`: colours, and how lines are indented and made comments. The magic's line is one. */

import { defineLanguageFacet, indentService, Language, languageDataProp } from "@codemirror/language";
import { type Input, type Parser as LezerParser, Parser, type PartialParse, type TreeFragment } from "@lezer/common";
import { parser } from "@lezer/yaml";

const data = defineLanguageFacet({ commentTokens: { line: "#" } });
const yaml = parser.configure({ props: [languageDataProp.add({ Stream: data })] });

/** The text, whose first sign is a `#`: so that the magic's line is a comment to YAML, and all places stay. */
class Masked implements Input {
  private readonly first: number;

  constructor(private readonly input: Input) {
    this.first = input.read(0, Math.min(input.length, 200)).search(/\S/);
  }

  get length(): number {
    return this.input.length;
  }

  get lineChunks(): boolean {
    return this.input.lineChunks;
  }

  chunk(from: number): string {
    return this.masked(this.input.chunk(from), from);
  }

  read(from: number, to: number): string {
    return this.masked(this.input.read(from, to), from);
  }

  private masked(text: string, from: number): string {
    const place = this.first - from;
    return place >= 0 && place < text.length ? `${text.slice(0, place)}#${text.slice(place + 1)}` : text;
  }
}

class CellParser extends Parser {
  createParse(input: Input, fragments: readonly TreeFragment[], ranges: readonly { from: number; to: number }[]): PartialParse {
    return yaml.createParse(new Masked(input), fragments, ranges);
  }
}

const indent = indentService.of((context, place) => {
  const line = context.lineAt(place, -1);
  const left = /^\s*/.exec(line.text)?.[0].length ?? 0;
  return /:\s*(#.*)?$/.test(line.text) ? left + 2 : left;
});

export const cellLanguage = new Language(data, new CellParser() as LezerParser, [indent], "agents");

// Which turn is selected: one for all parts of a view, each of which is told when another is.

/** A turn, and where an edge between two was selected, the one that it read. */
export interface Selected {
  readonly turn: string;
  readonly source: string | null;
  /** By a key: then the focus goes along. */
  readonly byKey: boolean;
}

export type Listener = (selected: Selected | null) => void;

export class Selection {
  private now: Selected | null = null;
  private readonly listeners = new Set<Listener>();

  get current(): Selected | null {
    return this.now;
  }

  select(turn: string, source: string | null = null, byKey = false): void {
    if (this.now?.turn === turn && this.now.source === source) return;
    this.change({ turn, source, byKey });
  }

  clear(): void {
    if (this.now !== null) this.change(null);
  }

  /** Calls `listener` with each change from now on; returns what ends that. */
  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private change(next: Selected | null): void {
    this.now = next;
    for (const listener of [...this.listeners]) listener(next);
  }
}

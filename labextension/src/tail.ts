// A scrolling box that follows its end, lets go when its reader scrolls up, and takes hold again at the end.

import { element, setText } from "./dom";

const NEAR = 24;

export class Tail {
  /** The way back to the end, shown while the box does not follow. */
  readonly button: HTMLButtonElement;
  /** Whether the reader is at the end, or wants to be. */
  following = true;
  private top = 0;

  constructor(private readonly box: HTMLElement) {
    this.button = element("button", { type: "button", class: "ap-latest", hidden: "" }, "↓ latest");
    this.button.addEventListener("click", this.back);
    box.addEventListener("scroll", this.scrolled, { passive: true });
  }

  /** Says on the way back what there is at the end. */
  tell(news: number): void {
    setText(this.button, news === 0 ? "↓ latest" : `↓ ${news} new`);
  }

  /** Goes to the end if the reader is there; call it after the text has changed. */
  follow(): void {
    if (!this.following) return;
    this.box.scrollTop = this.box.scrollHeight;
    this.top = this.box.scrollTop;
  }

  /** Puts the box where it was, after it was out of sight (browsers forget the place of what they do not show). */
  restore(): void {
    if (this.following) this.follow();
    else this.box.scrollTop = this.top;
  }

  /** Changes what stands above without moving what is being read. */
  keep(change: () => void): void {
    const below = this.box.scrollHeight - this.box.scrollTop;
    this.hold(true);
    change();
    this.box.scrollTop = this.box.scrollHeight - below;
    this.top = this.box.scrollTop;
  }

  /** Brings a part of the box into sight; what is in sight stays where it is. */
  show(part: HTMLElement): void {
    const [box, place] = [this.box.getBoundingClientRect(), part.getBoundingClientRect()];
    if (box.height === 0 || (place.top >= box.top && place.top <= box.bottom - NEAR)) return;
    this.box.scrollTop += place.top - box.top;
    this.top = this.box.scrollTop;
    this.hold(this.box.scrollHeight - this.top - this.box.clientHeight > NEAR);
  }

  close(): void {
    this.button.removeEventListener("click", this.back);
    this.box.removeEventListener("scroll", this.scrolled);
  }

  private readonly back = (): void => {
    this.hold(false);
    this.follow();
    this.box.focus({ preventScroll: true });
  };

  private readonly scrolled = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = this.box;
    if (clientHeight === 0) return;
    // Only a move upwards lets go: text that grew since the last frame also leaves the end out of sight.
    if (scrollHeight - scrollTop - clientHeight <= NEAR) this.hold(false);
    else if (scrollTop < this.top) this.hold(true);
    this.top = scrollTop;
  };

  private hold(still: boolean): void {
    this.following = !still;
    this.button.hidden = !still;
  }
}

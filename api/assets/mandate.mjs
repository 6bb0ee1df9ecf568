// Progressive enhancement only: every page works without this file.
import { createAll, Button, ErrorSummary, NotificationBanner, ServiceNavigation, SkipLink } from "./govuk-frontend.js";

// The library acts only where the page says that scripts run; set here, since no script is inline.
document.body.classList.add("js-enabled", "govuk-frontend-supported");
for (const component of [Button, ErrorSummary, NotificationBanner, ServiceNavigation, SkipLink]) {
  createAll(component);
}

// The live list of events: what is recorded comes to the top, what is said of it is said at leisure, and it can be paused.
const MOST = 50;
const SAID_EVERY_MS = 5000;

class LiveList {
  constructor(place) {
    this.place = place;
    this.list = place.querySelector("[data-live-list]");
    this.status = place.querySelector("[data-live-status]");
    this.switch = place.querySelector("[data-live-switch]");
    this.address = new URL(place.dataset.live, location.href);
    this.fresh = 0;
    this.timer = null;
    this.switch.addEventListener("click", () => (this.source ? this.pause() : this.open()));
    place.hidden = false;
    this.open();
  }

  open() {
    this.source = new EventSource(this.address);
    this.source.addEventListener("message", (message) => this.take(message));
    this.source.addEventListener("error", () => {
      // The browser opens it again by itself unless it was refused.
      if (this.source?.readyState === EventSource.CLOSED) {
        this.close("The live list has ended. Sign in again if you were signed out, then go on.");
      }
    });
    this.switch.textContent = "Pause the live list";
    this.status.textContent = "Waiting for the next event.";
  }

  pause() {
    this.close("Paused. Nothing is lost: going on shows what was recorded meanwhile.");
  }

  close(words) {
    this.source.close();
    this.source = null;
    clearTimeout(this.timer);
    this.timer = null;
    this.fresh = 0;
    this.switch.textContent = "Go on with the live list";
    this.status.textContent = words;
  }

  take(message) {
    const told = JSON.parse(message.data);
    this.address.searchParams.set("after", message.lastEventId);
    const row = document.createElement("li");
    const link = document.createElement("a");
    link.className = "govuk-link";
    link.href = `/events/${told.position}`;
    link.textContent = `Event ${told.position}`;
    row.append(link, ` ${told.event.type}, about ${told.event.subject}, told by ${told.event.source}`);
    this.list.prepend(row);
    while (this.list.children.length > MOST) {
      this.list.lastElementChild.remove();
    }
    this.fresh += 1;
    this.timer ??= setTimeout(() => this.say(), SAID_EVERY_MS);
  }

  say() {
    const events = this.fresh === 1 ? "1 more event" : `${this.fresh} more events`;
    this.status.textContent = `${events} recorded; the latest is at the top.`;
    this.fresh = 0;
    this.timer = null;
  }
}

for (const place of document.querySelectorAll("[data-live]")) {
  new LiveList(place);
}

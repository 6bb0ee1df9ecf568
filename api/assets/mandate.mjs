// Progressive enhancement only: every page works without this file.
import { createAll, Button, ErrorSummary, NotificationBanner, ServiceNavigation, SkipLink } from "./govuk-frontend.js";

// The library acts only where the page says that scripts run; set here, since no script is inline.
document.body.classList.add("js-enabled", "govuk-frontend-supported");
for (const component of [Button, ErrorSummary, NotificationBanner, ServiceNavigation, SkipLink]) {
  createAll(component);
}

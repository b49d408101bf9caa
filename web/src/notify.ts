// A word from the browser when a picture is done and nobody looks at the page.
import { kept } from "./state";
import { t } from "./texts";

export const notify = kept("imagent.notify", false);

// -> whether the browser allows it.
export const allowed = async () => "Notification" in window && (await Notification.requestPermission()) === "granted";

export function notified(prompt: string, icon: string | undefined) {
  if (notify.value && document.hidden && Notification.permission === "granted") new Notification(t("done"), { body: prompt, icon });
}

// Language and appearance; how the server is.
import { useEffect, useState } from "preact/hooks";
import { health, jobs, memory, type Health, type Job } from "../api";
import { allowed, notify } from "../notify";
import { message } from "../run";
import { abilities, theme, type Theme } from "../state";
import { language, languages, t, type Language } from "../texts";
import { Select, Toggle } from "./fields";

const gigabytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1);

interface Stats {
  health: Health;
  ram: { free: number; used: number };
  last: Job | undefined;
}

async function readStats(): Promise<Stats> {
  const [now, { ram }, ended] = await Promise.all([health(), memory(), jobs(1, "completed")]);
  return { health: now, ram, last: ended.jobs[0] };
}

function rowsOf({ health, ram, last }: Stats): [string, string][] {
  const device = abilities.value?.device;
  const rows: [string, string][] = [
    [t("version"), health.version],
    [t("uptime"), t("uptimeOf", Math.round(health.uptime_s / 60))],
    [t("queue"), t("inQueue", health.running, health.waiting)],
    [t("memory"), t("memoryUsed", gigabytes(ram.used), gigabytes(ram.free))],
  ];
  if (device) rows.splice(1, 0, [t("device"), `${device.name}, ${device.threads} ${t("threads")}`]);
  if (last?.timings) {
    const { total_s, load_s, text_s, denoise_s, decode_s } = last.timings;
    rows.push([t("lastPicture"), t("timings", ...[total_s, load_s, text_s, denoise_s, decode_s].map((seconds) => seconds.toFixed(2)))]);
  }
  return rows;
}

function ServerStats() {
  const [stats, setStats] = useState<Stats | null>(null);
  const [lost, setLost] = useState(false);
  useEffect(() => {
    const read = () =>
      readStats().then(
        (now) => {
          setStats(now);
          setLost(false);
        },
        () => setLost(true),
      );
    void read();
    const timer = setInterval(() => void read(), 2000);
    return () => clearInterval(timer);
  }, []);
  return (
    <fieldset class="card">
      <legend>{t("status")}</legend>
      {lost && <p class="message">{t("noServer")}</p>}
      <dl class="stats">
        {stats &&
          rowsOf(stats).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      <a href="/docs">{t("api")}</a>
    </fieldset>
  );
}

async function changeNotify(wanted: boolean) {
  notify.value = wanted && (await allowed());
  message.value = wanted && !notify.value ? t("notifyRefused") : "";
}

export const SettingsTab = () => (
  <section class="tools">
    {message.value && (
      <p class="message" role="alert">
        {message.value}
      </p>
    )}
    <fieldset class="card">
      <legend>{t("settings")}</legend>
      <div class="grid">
        <Select
          label={t("language")}
          value={language.value}
          choices={Object.entries(languages).map(([value, label]) => ({ value, label }))}
          onChange={(value) => (language.value = value as Language)}
        />
        <Select
          label={t("theme")}
          value={theme.value}
          choices={(["system", "light", "dark"] as const).map((value) => ({ value, label: t(value) }))}
          onChange={(value) => (theme.value = value as Theme)}
        />
        <Toggle label={t("notify")} checked={notify.value} onChange={(wanted) => void changeNotify(wanted)} />
      </div>
    </fieldset>
    <ServerStats />
  </section>
);

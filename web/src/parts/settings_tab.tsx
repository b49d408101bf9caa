import { useEffect, useState } from "preact/hooks";
import { health, memory, type Health } from "../api";
import { theme, type Theme } from "../state";
import { language, languages, t, type Language } from "../texts";
import { Select } from "./fields";

const gigabytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
const languageNames: Record<Language, string> = { en: "English", pt: "Português", fr: "Français", de: "Deutsch" };

function ServerStats() {
  const [state, setState] = useState<{ health: Health; free: number; total: number } | null>(null);
  useEffect(() => {
    const read = async () => {
      const [now, { ram }] = await Promise.all([health(), memory()]);
      setState({ health: now, free: ram.free, total: ram.total });
    };
    const quietly = () => read().catch(() => setState(null));
    void quietly();
    const timer = setInterval(() => void quietly(), 3000);
    return () => clearInterval(timer);
  }, []);
  if (!state) return null;
  const rows: [string, string][] = [
    [t("version"), state.health.version],
    [t("uptime"), `${Math.round(state.health.uptime_s / 60)} ${t("minutes")}`],
    [t("queue"), `${state.health.running} ${t("runningState")}, ${state.health.waiting} ${t("queued")}`],
    [t("memory"), `${gigabytes(state.free)} GB ${t("memoryOf")} ${gigabytes(state.total)} GB`],
  ];
  return (
    <fieldset>
      <legend>{t("status")}</legend>
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <a href="/docs">API</a>
    </fieldset>
  );
}

export function SettingsTab() {
  return (
    <section class="tools">
      <div class="grid">
        <Select
          label={t("language")}
          value={language.value}
          choices={Object.keys(languages).map((value) => ({ value, label: languageNames[value as Language] }))}
          onChange={(value) => (language.value = value as Language)}
        />
        <Select
          label={t("theme")}
          value={theme.value}
          choices={(["system", "light", "dark"] as const).map((value) => ({ value, label: t(value) }))}
          onChange={(value) => (theme.value = value as Theme)}
        />
      </div>
      <ServerStats />
    </section>
  );
}

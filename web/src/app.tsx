import { useEffect } from "preact/hooks";
import { fileToUri, pictureOf, takeSettings } from "./pictures";
import { generate, interrupt, message, running } from "./run";
import { refreshAbilities, tab, type Tab } from "./state";
import { t } from "./texts";
import { CreateTab } from "./parts/create_tab";
import { GalleryTab } from "./parts/gallery_tab";
import { QueueTab } from "./parts/queue_tab";
import { SettingsTab } from "./parts/settings_tab";
import { ToolsTab } from "./parts/tools_tab";

const tabs: Record<Tab, () => preact.JSX.Element> = { create: CreateTab, gallery: GalleryTab, queue: QueueTab, tools: ToolsTab, settings: SettingsTab };

function onKey(event: KeyboardEvent) {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.preventDefault();
    void generate();
  } else if (event.key === "Escape" && running.value) {
    void interrupt();
  }
}

// A picture dropped anywhere but on an input fills the form.
async function onDrop(event: DragEvent) {
  event.preventDefault();
  const file = pictureOf(event.dataTransfer?.files);
  if (!file) return;
  tab.value = "create";
  await takeSettings(await fileToUri(file));
}

export function App() {
  useEffect(() => {
    refreshAbilities().catch((error: Error) => (message.value = error.message));
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  const Open = tabs[tab.value];
  return (
    <div class="page" onDragOver={(event) => event.preventDefault()} onDrop={(event) => void onDrop(event)}>
      <header>
        <h1>imagent</h1>
        <nav>
          {(Object.keys(tabs) as Tab[]).map((name) => (
            <button key={name} type="button" aria-current={tab.value === name ? "page" : undefined} onClick={() => (tab.value = name)}>
              {t(name)}
            </button>
          ))}
        </nav>
      </header>
      <main>
        <Open />
      </main>
    </div>
  );
}

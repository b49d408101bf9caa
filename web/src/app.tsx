// The page: its tabs, and the keys and drops that count everywhere.
import { useEffect } from "preact/hooks";
import { fileToUri, pictureOf } from "./pictures";
import { generate, interrupt, message, queue, refreshQueue, resume, running } from "./run";
import { refreshAbilities, tab, type Tab } from "./state";
import { t } from "./texts";
import { takeSettings, turn, viewed } from "./viewer";
import { CreateTab } from "./parts/create_tab";
import { GalleryTab } from "./parts/gallery_tab";
import { PictureDialog } from "./parts/picture_dialog";
import { QueueTab } from "./parts/queue_tab";
import { SettingsTab } from "./parts/settings_tab";
import { ToolsTab } from "./parts/tools_tab";

const tabs: Record<Tab, () => preact.JSX.Element> = { create: CreateTab, gallery: GalleryTab, queue: QueueTab, tools: ToolsTab, settings: SettingsTab };

function onKey(event: KeyboardEvent) {
  if (viewed.value) {
    // Escape closes the dialog and interrupts nothing.
    if (event.key === "ArrowLeft") turn(-1);
    if (event.key === "ArrowRight") turn(1);
  } else if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.preventDefault();
    tab.value = "create";
    void generate();
  } else if (event.key === "Escape" && running.value) {
    void interrupt();
  }
}

// A picture that is dropped or pasted anywhere but on an input for one fills the form.
async function takeFile(event: Event, files: FileList | undefined) {
  const file = pictureOf(files);
  if (!file) return;
  event.preventDefault();
  await takeSettings(await fileToUri(file));
}

function openTab(name: Tab) {
  message.value = "";
  tab.value = name;
}

export function App() {
  useEffect(() => {
    refreshAbilities().catch((error: Error) => (message.value = error.message));
    refreshQueue().catch(() => {});
    resume();
    const onPaste = (event: ClipboardEvent) => void takeFile(event, event.clipboardData?.files);
    document.addEventListener("keydown", onKey);
    document.addEventListener("paste", onPaste);
    return () => {
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("paste", onPaste);
    };
  }, []);
  const Open = tabs[tab.value];
  const { running: drawing, waiting } = queue.value;
  return (
    <div class="page" onDragOver={(event) => event.preventDefault()} onDrop={(event) => void takeFile(event, event.dataTransfer?.files)}>
      <header>
        <h1>imagent</h1>
        <nav>
          {(Object.keys(tabs) as Tab[]).map((name) => (
            <button key={name} type="button" aria-current={tab.value === name ? "page" : undefined} onClick={() => openTab(name)}>
              {t(name)}
              {name === "queue" && drawing + waiting > 0 && <span class="badge">{drawing + waiting}</span>}
            </button>
          ))}
        </nav>
      </header>
      <main>
        <Open />
      </main>
      {viewed.value && <PictureDialog />}
    </div>
  );
}

// All pictures of the server: search, favourites, and one picture with everything known about it.
import { useEffect, useState } from "preact/hooks";
import { gallery, type Picture } from "../api";
import { set } from "../form";
import { takeSettings, urlToUri } from "../pictures";
import { galleryVersion, message } from "../run";
import { tab, upscaleImage } from "../state";
import { t } from "../texts";

const page = 40;

function PictureDialog(props: { picture: Picture; onClose(): void; onChange(picture: Picture | null): void }) {
  const { picture } = props;
  const send = async (action: (uri: string) => void, to: "create" | "tools") => {
    action(await urlToUri(picture.url));
    tab.value = to;
    props.onClose();
  };
  const remove = async () => {
    if (!window.confirm(t("deleteSure"))) return;
    await gallery.remove(picture.id);
    props.onChange(null);
  };
  return (
    <dialog open aria-label={picture.prompt} onKeyDown={(event) => event.key === "Escape" && props.onClose()}>
      <img src={picture.url} alt={picture.prompt} />
      <div class="details">
        <div class="row">
          <button type="button" autofocus onClick={props.onClose}>
            {t("close")}
          </button>
          <button type="button" aria-pressed={picture.favourite} onClick={async () => props.onChange(await gallery.favourite(picture.id, !picture.favourite))}>
            {picture.favourite ? "★" : "☆"} {t("favourite")}
          </button>
          <a class="button" href={picture.url} download={`imagent-${picture.seed}.${picture.format}`}>
            {t("download")}
          </a>
          <button type="button" onClick={() => void remove()}>
            {t("delete")}
          </button>
        </div>
        <div class="row">
          <button type="button" onClick={() => void send((uri) => void takeSettings(uri), "create")}>
            {t("reuse")}
          </button>
          <button type="button" onClick={() => void send((image) => set({ mode: "img2img", image, mask: "" }), "create")}>
            {t("toImg2img")}
          </button>
          <button type="button" onClick={() => void send((image) => set({ mode: "inpaint", image, mask: "" }), "create")}>
            {t("toInpaint")}
          </button>
          <button type="button" onClick={() => void send((image) => (upscaleImage.value = image), "tools")}>
            {t("toUpscale")}
          </button>
        </div>
        <h3>{t("metadata")}</h3>
        <pre>{picture.parameters}</pre>
        <button type="button" onClick={() => void navigator.clipboard.writeText(picture.parameters)}>
          {t("copy")}
        </button>
      </div>
    </dialog>
  );
}

export function GalleryTab() {
  const [search, setSearch] = useState("");
  const [favourites, setFavourites] = useState(false);
  const [limit, setLimit] = useState(page);
  const [found, setFound] = useState<{ pictures: Picture[]; total: number }>({ pictures: [], total: 0 });
  const [open, setOpen] = useState<Picture | null>(null);
  const version = galleryVersion.value;

  useEffect(() => {
    const timer = setTimeout(() => gallery.list(search, favourites, limit, 0).then(setFound, (error: Error) => (message.value = error.message)), 150);
    return () => clearTimeout(timer);
  }, [search, favourites, limit, version]);

  return (
    <section class="gallery">
      <div class="row">
        <input type="search" placeholder={t("search")} aria-label={t("search")} value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        <button type="button" aria-pressed={favourites} onClick={() => setFavourites(!favourites)}>
          ★ {t("favourites")}
        </button>
        <span>{found.total}</span>
      </div>
      {found.total === 0 && <p>{t("nothingYet")}</p>}
      <div class="thumbnails">
        {found.pictures.map((picture) => (
          <button key={picture.id} type="button" title={picture.prompt} onClick={() => setOpen(picture)}>
            <img src={picture.url} alt={picture.prompt} loading="lazy" />
            {picture.favourite && <span class="star">★</span>}
          </button>
        ))}
      </div>
      {found.pictures.length < found.total && (
        <button type="button" onClick={() => setLimit(limit + page)}>
          {t("more")}
        </button>
      )}
      {open && (
        <PictureDialog
          picture={open}
          onClose={() => setOpen(null)}
          onChange={(picture) => {
            setOpen(picture);
            ++galleryVersion.value;
          }}
        />
      )}
    </section>
  );
}

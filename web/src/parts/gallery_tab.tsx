// All pictures of the server: search, favourites.
import { useEffect, useState } from "preact/hooks";
import { gallery, type Picture } from "../api";
import { galleryVersion, message } from "../run";
import { t } from "../texts";
import { view } from "../viewer";
import { Button, Icon } from "./icons";

const page = 60;

export function GalleryTab() {
  const [search, setSearch] = useState("");
  const [favourites, setFavourites] = useState(false);
  const [limit, setLimit] = useState(page);
  const [found, setFound] = useState<{ pictures: Picture[]; total: number } | null>(null);
  const version = galleryVersion.value;

  useEffect(() => {
    let current = true;
    const read = () => gallery.list(search, favourites, limit, 0).then((list) => current && setFound(list), (error: Error) => (message.value = error.message));
    const timer = setTimeout(() => void read(), search ? 150 : 0);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [search, favourites, limit, version]);

  return (
    <section class="gallery">
      <div class="row">
        <input type="search" placeholder={t("search")} aria-label={t("search")} value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        <Button icon="star" label={t("favourites")} text filled={favourites} pressed={favourites} onClick={() => setFavourites(!favourites)} />
        {found && (
          <span class="faint">
            {found.total} {t("pictures")}
          </span>
        )}
      </div>
      {found?.total === 0 && <p class="empty">{search || favourites ? t("nothingFound") : t("nothingYet")}</p>}
      <div class="thumbnails">
        {found?.pictures.map((picture, at) => (
          <button key={picture.id} type="button" title={picture.prompt} onClick={() => view(found.pictures, at)}>
            <img src={picture.url} alt={picture.prompt} loading="lazy" />
            {picture.favourite && <Icon name="star" filled />}
          </button>
        ))}
      </div>
      {found && found.pictures.length < found.total && (
        <button type="button" onClick={() => setLimit(limit + page)}>
          {t("more")}
        </button>
      )}
    </section>
  );
}

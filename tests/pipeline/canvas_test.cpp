// What a mask leaves alone is left alone, bit for bit; cut-outs, additions and sizes.
#include "pipeline/canvas.h"

#include <functional>

#include "image/resize.h"
#include "pipeline/engine.h"
#include "sampling/rng.h"
#include "support/devices.h"

namespace imagent::test {
namespace {

Image noisy(int width, int height, int channels = 3) {
  Image image(width, height, channels);
  Mt19937 random(7);
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(random.next());
  return image;
}

Image mask_with(int width, int height, const Region& white) {
  Image mask(width, height, 1);
  paste(mask, filled(white.width, white.height, 1, 255), white.x, white.y);
  return mask;
}

Request inpainting(Image picture, Image mask) {
  Request r;
  r.prompt = "a red house";
  r.steps = 2;
  r.seed = 1;
  r.strength = 1;
  r.dtype = DType::f32;
  r.init_image = std::make_shared<Image>(std::move(picture));
  r.mask = std::make_shared<Image>(std::move(mask));
  return r;
}

// How many pixels differ, by whether `inside` says so of their place.
struct Changes {
  int inside = 0, outside = 0;
};
Changes changes(const Image& before, const Image& after, const std::function<bool(int, int)>& inside) {
  Changes count;
  for (int y = 0; y < before.height; ++y)
    for (int x = 0; x < before.width; ++x)
      if (!std::equal(before.at(x, y), before.at(x, y) + 3, after.at(x, y))) ++(inside(x, y) ? count.inside : count.outside);
  return count;
}

struct Untouched : testing::Test {
  Engine engine{EngineOptions{.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo"}};
  Image draw(const Request& r) { return engine.generate(r).results.at(0).image; }
};

TEST_F(Untouched, OutsideAMaskEveryPixel) {
  const Region white{24, 16, 24, 32};
  for (const int blur : {0, 4}) {
    Request r = inpainting(noisy(77, 69), mask_with(77, 69, white));  // no multiples of 8: pixels stay pixels
    r.mask_blur = blur;
    const Image drawn = draw(r);
    ASSERT_EQ(drawn.width, 77);
    ASSERT_EQ(drawn.height, 69);
    const int reach = static_cast<int>(2.5 * blur + 0.5);
    const Changes count = changes(*r.init_image, drawn, [&](int x, int y) {
      return x >= white.x - reach && x < white.x + white.width + reach && y >= white.y - reach && y < white.y + white.height + reach;
    });
    EXPECT_EQ(count.outside, 0) << "blur " << blur;
    EXPECT_GT(count.inside, white.width * white.height * 9 / 10) << "blur " << blur;
  }
}

TEST_F(Untouched, OutsideAnInvertedMaskAndByTheWebUisRules) {
  const Region black{8, 8, 32, 40};
  Request r = inpainting(noisy(64, 64), invert(mask_with(64, 64, black)));
  r.mask_blur = 0;
  r.mask_invert = true;
  for (const Compat compat : {Compat::native, Compat::a1111}) {
    r.compat = compat;
    r.sampler = "euler";
    const Changes count = changes(*r.init_image, draw(r), [&](int x, int y) { return x >= 8 && x < 40 && y >= 8 && y < 48; });
    EXPECT_EQ(count.outside, 0);
    EXPECT_GT(count.inside, 1000);
  }
}

TEST_F(Untouched, OutsideACutOut) {
  Request r = inpainting(noisy(150, 110), mask_with(150, 110, {100, 20, 20, 20}));
  r.only_masked = true;
  r.only_masked_padding = 8;
  r.mask_blur = 2;
  r.width = r.height = 64;
  const Image drawn = draw(r);
  ASSERT_EQ(drawn.width, 150);
  const Changes count = changes(*r.init_image, drawn, [](int x, int y) { return x >= 95 && x < 125 && y >= 15 && y < 45; });
  EXPECT_EQ(count.outside, 0);
  EXPECT_GT(count.inside, 300);
}

TEST_F(Untouched, TheOldPictureWhenOutpainting) {
  Request r = inpainting(noisy(64, 64), Image());
  r.mask = nullptr;
  r.outpaint = {.left = 16, .top = 0, .right = 5, .bottom = 8};
  r.mask_blur = 0;
  const Image drawn = draw(r);
  ASSERT_EQ(drawn.width, 85);
  ASSERT_EQ(drawn.height, 72);
  EXPECT_EQ(crop(drawn, {16, 0, 64, 64}), *r.init_image);
}

TEST_F(Untouched, DiffusersPastesNothing) {
  Request r = inpainting(noisy(64, 64), mask_with(64, 64, {0, 0, 16, 16}));
  r.compat = Compat::diffusers;
  const Changes count = changes(*r.init_image, draw(r), [](int x, int y) { return x < 16 && y < 16; });
  EXPECT_GT(count.outside, 1000);
}

Request sized(int width, int height) {
  Request r;
  r.init_image = std::make_shared<Image>(noisy(width, height));
  return r;
}

TEST(Canvas, SizesFollowThePicture) {
  Request r = sized(101, 77);
  EXPECT_EQ(size_by_picture(r)->width, 96);
  EXPECT_EQ(size_by_picture(r)->height, 72);
  r.width = 200;
  EXPECT_EQ(size_by_picture(r)->height, 152);  // 200 * 77 / 101 = 152.5
  r.outpaint = {.left = 10, .top = 0, .right = 0, .bottom = 0};
  r.width = 0;
  EXPECT_EQ(size_by_picture(r)->width, 112) << "added pixels are not cut off";
  r.only_masked = true;
  EXPECT_FALSE(size_by_picture(r).has_value());
  EXPECT_FALSE(size_by_picture(Request()).has_value());
}

// modules/masking.py: get_crop_region_v2 and expand_crop_region, computed with that code.
TEST(Canvas, CutOutsAreThoseOfTheWebUi) {
  struct Case {
    Size picture, drawn;
    Region white;
    int padding;
    Region place;
  };
  const std::vector<Case> cases = {
      {{512, 512}, {512, 512}, {100, 120, 50, 30}, 32, {68, 78, 114, 114}},
      {{512, 512}, {512, 512}, {0, 0, 50, 30}, 32, {0, 0, 82, 82}},
      {{512, 512}, {512, 768}, {480, 490, 30, 20}, 32, {448, 416, 64, 96}},
      {{640, 480}, {768, 512}, {300, 100, 40, 300}, 0, {95, 100, 450, 300}},
      {{640, 200}, {512, 512}, {10, 0, 600, 200}, 16, {0, 0, 626, 200}},
  };
  for (const Case& c : cases) {
    Request r = sized(c.picture.width, c.picture.height);
    r.mask = std::make_shared<Image>(mask_with(c.picture.width, c.picture.height, c.white));
    r.mask_blur = 0;
    r.only_masked = true;
    r.only_masked_padding = c.padding;
    r.width = c.drawn.width;
    r.height = c.drawn.height;
    const Canvas canvas = make_canvas(r);
    EXPECT_EQ(canvas.place, c.place) << canvas.place.x << "," << canvas.place.y << " " << canvas.place.width << "x" << canvas.place.height;
    EXPECT_EQ(canvas.picture.width, c.drawn.width);
    EXPECT_EQ(canvas.mask.height, c.drawn.height);
  }
}

TEST(Canvas, ResizeModes) {
  Request r = sized(80, 40);
  r.width = r.height = 64;
  EXPECT_EQ(make_canvas(r).picture, resize(*r.init_image, 64, 64));
  r.resize_mode = ResizeMode::crop;
  EXPECT_EQ(make_canvas(r).picture, crop(resize(*r.init_image, 128, 64), {32, 0, 64, 64}));
  r.resize_mode = ResizeMode::fill;
  const Image filled_up = make_canvas(r).picture, middle = resize(*r.init_image, 64, 32);
  EXPECT_EQ(crop(filled_up, {0, 16, 64, 32}), middle);
  for (const int y : {0, 15}) EXPECT_TRUE(std::equal(middle.at(0, 0), middle.at(0, 1), filled_up.at(0, y))) << "edges go on";
  r.resize_mode = ResizeMode::latent;
  EXPECT_EQ(make_canvas(r).picture.width, 80) << "encoded as it is";
}

TEST(Canvas, RefusesWhatDoesNotFit) {
  const auto refusal = [](const Request& r) {
    try {
      make_canvas(r);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::usage);
      return error.text;
    }
    return std::string("accepted");
  };
  Request r = sized(64, 64);
  r.width = r.height = 64;
  r.only_masked = true;
  EXPECT_NE(refusal(r).find("needs a mask"), std::string::npos);
  r.mask = std::make_shared<Image>(Image(64, 64, 1));
  EXPECT_NE(refusal(r).find("black everywhere"), std::string::npos);
  r.init_image = nullptr;
  EXPECT_NE(refusal(r).find("--init-image"), std::string::npos);
}

}  // namespace
}  // namespace imagent::test

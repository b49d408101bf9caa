// Overlapping tiles: they cover the picture, their weights sum to one, and finished rows come in order.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "pipeline/tiles.h"

namespace imagent::test {
namespace {

TEST(Tiles, WeightsSumToOneEverywhere) {
  for (const int cells : {1, 2, 7, 31, 32, 33, 63, 64, 65, 100, 161, 257, 1000})
    for (const int pixels : {1, 4, 8})
      for (const TileRules rules : {TileRules{0, 0, 0}, {1, 0, 0}, {2, 1, 1}, {8, 2, 2}, {16, 0, 8}, {32, 4, 8}, {32, 8, 0}, {64, 3, 17}, {100, 0, 40}, {100, 500, 500}}) {
        const std::vector<TileSpan> spans = tile_spans(cells, pixels, rules);
        std::vector<float> sums(static_cast<size_t>(cells) * pixels);
        for (const TileSpan& span : spans) {
          ASSERT_EQ(span.weights.size(), static_cast<size_t>(span.end - span.begin) * pixels);
          EXPECT_TRUE(rules.tile == 0 || span.end - span.begin <= rules.tile);
          EXPECT_EQ(span.end - span.begin, spans[0].end - spans[0].begin);
          for (size_t p = 0; p < span.weights.size(); ++p) sums[static_cast<size_t>(span.begin) * pixels + p] += span.weights[p];
        }
        for (const float sum : sums) ASSERT_NEAR(sum, 1, 1e-6) << cells << " cells, tile " << rules.tile << ", margin " << rules.margin << ", fade " << rules.fade;
      }
}

TEST(Tiles, MarginsAreThrownAway) {
  const std::vector<TileSpan> spans = tile_spans(100, 2, {.tile = 40, .margin = 6, .fade = 4});
  ASSERT_GT(spans.size(), 2u);
  for (size_t i = 0; i < spans.size(); ++i)
    for (size_t p = 0; p < 12; ++p) {
      if (i > 0) {
        EXPECT_EQ(spans[i].weights[p], 0);
      }
      if (i + 1 < spans.size()) {
        EXPECT_EQ(spans[i].weights[spans[i].weights.size() - 1 - p], 0);
      }
    }
}

TEST(Tiles, PutsAPictureTogetherRowByRow) {
  constexpr int height = 37, width = 53, cell = 2;
  const auto value = [](int y, int x, int c) { return static_cast<float>(std::sin(0.1 * y * x + c)); };
  for (const TileRules rules : {TileRules{0, 0, 0}, {16, 2, 3}, {8, 0, 0}}) {
    const TiledPicture picture{tile_spans(height, cell, rules), tile_spans(width, cell, rules), cell, 3};
    int next = 0, last_done = 0;
    run_tiles(picture, {.compute =
                            [&](const TileSpan& rows, const TileSpan& columns) {
                              std::vector<float> out;
                              for (int y = rows.begin * cell; y < rows.end * cell; ++y)
                                for (int x = columns.begin * cell; x < columns.end * cell; ++x)
                                  for (int c = 0; c < 3; ++c) out.push_back(value(y, x, c));
                              return out;
                            },
                        .emit =
                            [&](int y, std::span<const float> rows) {
                              ASSERT_EQ(y, next);
                              for (size_t i = 0; i < rows.size(); ++i) {
                                const int at = static_cast<int>(i / 3);
                                ASSERT_NEAR(rows[i], value(y + at / (width * cell), at % (width * cell), static_cast<int>(i % 3)), 1e-6);
                              }
                              next += static_cast<int>(rows.size() / 3 / (width * cell));
                            },
                        .progress =
                            [&](int done, int total) {
                              EXPECT_EQ(done, ++last_done);
                              EXPECT_EQ(total, static_cast<int>(picture.tiles()));
                            }});
    EXPECT_EQ(next, height * cell);
    EXPECT_EQ(last_done, static_cast<int>(picture.tiles()));
  }
}

}  // namespace
}  // namespace imagent::test

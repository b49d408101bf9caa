// What a bounded cache keeps and what goes.
#include "base/lru_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace imagent {
namespace {

using Cache = LruCache<std::string, int>;

TEST(LruCache, WhatWasUsedLeastRecentlyGoesFirst) {
  Cache cache(2, 100);
  cache.keep("a", 1, 10);
  cache.keep("b", 2, 10);
  EXPECT_EQ(*cache.find("a"), 1);
  cache.keep("c", 3, 10);
  EXPECT_EQ(cache.find("b"), nullptr);
  EXPECT_EQ(*cache.find("a"), 1);
  EXPECT_EQ(*cache.find("c"), 3);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.bytes(), 20u);
}

TEST(LruCache, BytesAreBounded) {
  Cache cache(10, 100);
  const auto large = cache.keep("a", 1, 60);
  cache.keep("b", 2, 60);
  EXPECT_EQ(cache.find("a"), nullptr);
  EXPECT_EQ(*large, 1) << "whoever holds it may go on";
  EXPECT_EQ(*cache.keep("c", 3, 101), 3);
  EXPECT_EQ(cache.find("c"), nullptr) << "larger than all of the cache";
  EXPECT_EQ(*cache.find("b"), 2) << "and nothing had to go for it";
  EXPECT_EQ(cache.bytes(), 60u);
}

}  // namespace
}  // namespace imagent

// SPDX-License-Identifier: Apache-2.0
#include "detection/priors.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace adabin::detection {
namespace {

bool IsLength(double value) { return std::isfinite(value) && value > 0; }

float Clipped(double value) { return static_cast<float>(std::min(value, 1.0)); }

}  // namespace

int64_t CountPriors(std::span<const PriorMap> maps) {
  int64_t count = 0;
  for (size_t number = 0; number < maps.size(); ++number) {
    const PriorMap& map = maps[number];
    const auto fail = [&](const std::string& what) {
      throw Error("maps[" + std::to_string(number) + "]: " + what + "; export the network again");
    };
    if (map.side < 1) fail("side: " + std::to_string(map.side) + " is no number of cells");
    if (!IsLength(map.step)) fail("step: " + std::to_string(map.step) + " is no distance");
    if (map.shapes.empty()) fail("shapes: there are none");
    for (const PriorShape& shape : map.shapes) {
      if (!IsLength(shape.width) || !IsLength(shape.height)) {
        fail("shapes: " + std::to_string(shape.width) + " x " + std::to_string(shape.height) +
             " is no size of a box");
      }
    }
    const int64_t cells = int64_t{map.side} * map.side;
    const auto shapes = static_cast<int64_t>(std::min(map.shapes.size(), size_t{kMaxPriors} + 1));
    if (cells > (kMaxPriors - count) / shapes) {
      fail("makes more than " + std::to_string(kMaxPriors) + " boxes");
    }
    count += cells * shapes;
  }
  return count;
}

std::vector<Prior> MakePriors(std::span<const PriorMap> maps, size_t rows) {
  const int64_t count = CountPriors(maps);
  if (static_cast<size_t>(count) != rows) {
    throw Error("maps: they make " + std::to_string(count) + " boxes, the network gives " +
                std::to_string(rows) + "; give the description that belongs to it");
  }
  std::vector<Prior> priors;
  priors.reserve(rows);
  for (const PriorMap& map : maps) {
    for (int row = 0; row < map.side; ++row) {
      const float center_y = Clipped((row + 0.5) * map.step);
      for (int column = 0; column < map.side; ++column) {
        const float center_x = Clipped((column + 0.5) * map.step);
        for (const PriorShape& shape : map.shapes) {
          priors.push_back({center_x, center_y, Clipped(shape.width), Clipped(shape.height)});
        }
      }
    }
  }
  return priors;
}

}  // namespace adabin::detection

// SPDX-License-Identifier: Apache-2.0
//
// decode_case FOLDER REPEAT: decodes a case as tests/golden/make_detections.py writes it, REPEAT
// times, writes FOLDER/cpp.bin (rows as in detections.bin) and prints the median of the
// milliseconds of processor time that it took. For tests/golden/compare_detections.py; no test by
// itself.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "base/write_file.h"
#include "detection_case.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::filesystem::path folder = argv[1];
  const adabin::DetectionCase one = adabin::ReadDetectionCase(folder);
  std::vector<adabin::detection::Detection> found;
  std::vector<double> times;
  for (int i = 0; i < std::max(1, std::atoi(argv[2])); ++i) {
    const std::clock_t begin = std::clock();
    found = adabin::detection::Detect(one.locations(), one.logits(), one.priors, one.rules);
    times.push_back(1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  std::vector<float> rows;
  for (const auto& [box, label, score] : found) {
    rows.insert(rows.end(), {box.x1, box.y1, box.x2, box.y2, static_cast<float>(label), score});
  }
  adabin::WriteFile((folder / "cpp.bin").string(), rows.data(), rows.size() * sizeof(float));
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
                   times.end());
  std::printf("%.4f\n", times[times.size() / 2]);
}

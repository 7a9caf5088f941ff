#pragma once

#include <cstddef>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace flatsweep {

/// One record of tests/train/pytorch_reference.txt: an array that an independent PyTorch run produced.
struct ReferenceArray {
  std::vector<std::size_t> shape;
  std::vector<double> values;   ///< row-major
};
using Reference = std::map<std::string, ReferenceArray>;

/// Reads the records "name d0 d1 ..." / "v0 v1 ..."; lines that begin with # are comments.
inline Reference read_reference(const std::string& file = FLATSWEEP_SOURCE_DIR "/tests/train/pytorch_reference.txt") {
  std::ifstream in(file);
  Reference records;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream head(line);
    std::string name, body;
    head >> name;
    auto& record = records[name];
    std::size_t count = 1;
    for (std::size_t n = 0; head >> n; count *= n) record.shape.push_back(n);
    std::getline(in, body);
    std::istringstream values(body);
    for (double v = 0.0; values >> v;) record.values.push_back(v);
    if (record.values.size() != count) throw std::runtime_error(file + ": record " + name + " is not complete");
  }
  if (records.empty()) throw std::runtime_error(file + ": there are no records");
  return records;
}

}  // namespace flatsweep

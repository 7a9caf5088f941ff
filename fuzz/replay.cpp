// Without libFuzzer: runs a fuzzer's function on its corpus and on mutations of it, the same ones every time.
//
//   <thing>_replay MUTATIONS WORDS CORPUS...
//
//   WORDS    a file whose texts in quotes are put into the inputs; "" for none
//   CORPUS   folders of inputs
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::string current;  // the input at work, for keep_input

void run(const std::string& input) {
  current = input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
}

void keep_input(int signal) {
  if (auto* file = std::fopen("replay-crash", "wb")) {
    std::fwrite(current.data(), 1, current.size(), file);
    std::fclose(file);
    std::fputs("fuzz: the input that did this is kept as replay-crash\n", stderr);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void read_corpus(const std::filesystem::path& folder, std::vector<std::string>& inputs) {
  std::vector<std::filesystem::path> files(std::filesystem::directory_iterator(folder), {});
  std::ranges::sort(files);
  std::ranges::transform(files, std::back_inserter(inputs), read_file);
}

std::vector<std::string> read_words(const std::filesystem::path& file) {
  std::vector<std::string> words;
  std::istringstream text(read_file(file));
  for (std::string word; std::getline(text, word, '"') && std::getline(text, word, '"');) words.push_back(word);
  return words;
}

class Mutator {
 public:
  Mutator(std::vector<std::string> inputs, std::vector<std::string> words)
      : inputs_(std::move(inputs)), words_(std::move(words)) {
    for (const auto* extreme : {"0", "-1", "9223372036854775807", "1e308", "nan", "[]", "{}", "\"\"", "\xff"})
      words_.emplace_back(extreme);
  }
  std::string next() {
    auto text = inputs_[below(inputs_.size())];
    for (std::size_t edits = 1 + below(4); edits > 0; --edits) edit(text);
    return text;
  }

 private:
  std::size_t below(std::size_t count) { return random_() % count; }
  void edit(std::string& text) {
    const auto at = below(text.size() + 1), length = below(std::min<std::size_t>(text.size() - at, 32) + 1);
    switch (below(5)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, text.substr(at, length));
        break;
      case 3:
        text.replace(at, length, words_[below(words_.size())]);
        break;
      case 4: {
        const auto& other = inputs_[below(inputs_.size())];
        text.replace(at, std::string::npos, other.substr(std::min(at, other.size())));
      }
    }
  }

  std::vector<std::string> inputs_, words_;
  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return std::fputs("usage: MUTATIONS WORDS CORPUS...\n", stderr), 2;
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE}) std::signal(signal, keep_input);
  std::vector<std::string> inputs;
  for (int i = 3; i < argc; ++i) read_corpus(argv[i], inputs);
  for (const auto& input : inputs) run(input);
  Mutator mutator(inputs, read_words(argv[2]));
  const auto mutations = std::stoul(argv[1]);
  for (unsigned long i = 0; i < mutations; ++i) run(mutator.next());
  std::printf("%zu inputs and %lu mutations of them\n", inputs.size(), mutations);
  return 0;
}

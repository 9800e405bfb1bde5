// SPDX-License-Identifier: Apache-2.0
#include "command_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <new>

#include "base/error.h"
#include "base/write_file.h"

namespace adabin {
namespace {

extern "C" void EndBySignal(int signal) {
  RemoveUnfinishedFile();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// Of one that the program's parent has it ignore, nothing changes.
void CatchSignals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGXFSZ, SIGXCPU}) {
    struct sigaction before = {};
    if (sigaction(signal, nullptr, &before) != 0 || before.sa_handler == SIG_IGN) continue;
    struct sigaction action = {};
    action.sa_handler = EndBySignal;
    sigaction(signal, &action, nullptr);
  }
}

// A closed descriptor would become that of the next file that is opened.
void CheckDescriptors() {
  const bool closed = fcntl(STDOUT_FILENO, F_GETFD) < 0;
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) < 0) open("/dev/null", O_RDWR);  // the lowest that is free
  }
  if (closed) throw Error("standard output is closed; leave it open, or give it /dev/null");
}

void FlushOutput() {
  errno = 0;
  std::cout.flush();
  if (std::cout.good() && std::ferror(stdout) == 0) return;
  throw Error(std::string("standard output cannot be written") +
              (errno == 0 ? "" : std::string(" (") + std::strerror(errno) + ")") +
              "; give it a place with space");
}

}  // namespace

int RunProgram(CLI::App* app, int argc, char** argv, const std::function<int()>& body) {
  const std::string name = app->get_name();
  const auto complain = [&](const std::string& what) {
    std::cerr << name << ": " << Printable(what.substr(0, what.find('\n'))) << std::endl;
  };
  try {
    CatchSignals();
    CheckDescriptors();
    int status = kExitOk;
    try {
      app->parse(argc, argv);
      status = body();
    } catch (const CLI::CallForHelp&) {
      std::cout << app->help();
    }
    FlushOutput();
    return status;
  } catch (const CLI::ParseError& error) {
    complain(std::string(error.what()) + "; see " + name + " -h");
    return kExitBadInput;
  } catch (const Error& error) {
    std::cerr << name << ": " << error.what() << std::endl;
    return kExitBadInput;
  } catch (const std::bad_alloc&) {
    complain("not enough memory");
  } catch (const std::exception& error) {
    complain(std::string("internal error: ") + error.what());
  }
  return kExitFailure;
}

}  // namespace adabin

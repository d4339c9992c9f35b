# What lossjit stands on. Debian 12: llvm-19-dev libopenblas-dev libjansson-dev
# libcmocka-dev pkg-config.

find_package(PkgConfig REQUIRED)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
if(LOSSJIT_TESTS)
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()

# 19 is the tested version and preferred where several are installed.
find_package(LLVM 19 CONFIG QUIET)
if(NOT LLVM_FOUND)
  find_package(LLVM CONFIG REQUIRED)
endif()
if(LLVM_VERSION_MAJOR LESS 19)
  message(FATAL_ERROR "lossjit needs LLVM 19 or newer; found ${LLVM_VERSION} in"
                      " ${LLVM_DIR}. Name another with -DLLVM_DIR=.../lib/cmake/llvm.")
elseif(NOT LLVM_VERSION_MAJOR EQUAL 19)
  message(WARNING "lossjit is tested with LLVM 19; this is ${LLVM_VERSION}.")
endif()
if(NOT TARGET LLVM)
  message(FATAL_ERROR "LLVM in ${LLVM_DIR} comes without the shared libLLVM.")
endif()
message(STATUS "LLVM ${LLVM_VERSION} in ${LLVM_DIR}")

# Names for the commands of README.md and CONTRIBUTING.md; Maven, CMake and npm do the work.
.PHONY: help build test fast native bench format site
help:   ## this list
	@sed -n 's/^\([a-z]*\): *## /make \1	/p' Makefile
build:  ## the kernels and every jar, without tests
	mvn -DskipTests package
test:   ## everything, tests included
	mvn verify
fast:   ## everything but the kernels' own tests
	mvn -Pfast verify
native: ## the kernels' own tests, under sanitizers
	native-tests/run target/native-tests
bench:  ## forward and backward beside libtorch, in short
	bench/run --quick
format: ## Java by google-java-format, kernels by clang-format 19
	mvn -q spotless:apply
	clang-format-19 -i kernels/*.cu kernels/*.cuh kernels/*.h kernels/*.cpp native-tests/*.cpp native-tests/*.h native-tests/ptx-model/*.cpp native-tests/ptx-model/*.h
site:   ## README, docs and Javadoc as a website in target/site; needs Node 20
	npm --prefix site ci --no-audit --no-fund && npm --prefix site run build
